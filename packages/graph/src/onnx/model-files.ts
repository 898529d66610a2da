// A graph as the files of an ONNX model: one, or, where that would be too large, one for the graph and others beside
// it for the large constants (ONNX calls these external data). Files are written piece by piece, so that the model is
// never in memory twice.

import type { Graph, Value } from '../graph.ts';
import { byteLength, bytesOf, constantsOf, type ExternalPlace, modelMessage } from './serialize.ts';

/** The bytes of a file, to be gone through as often as needed. */
export type ByteStream = Iterable<Uint8Array>;

/** How a model is split into files. */
export interface ModelFileOptions {
  /** Bytes. The default is what protobuf can say and what browsers hold in one buffer. */
  readonly largestFile?: number;
}

const LARGEST_FILE = 2 ** 31 - 2 ** 20;
/** A smaller constant stays in the model's own file. Bytes. */
const SMALLEST_OUTSIDE = 4096;
/** Each constant begins at a multiple of a memory page, so that it can be mapped. */
const ALIGNMENT = 4096;

/**
 * The files of a model named `name`, its own first. The others are `NAME_data`, `NAME_data_1` and so on, each at most
 * `largestFile` bytes long, unless a single constant is larger.
 */
export function modelFiles(
  graph: Graph,
  name: string,
  { largestFile = LARGEST_FILE }: ModelFileOptions = {},
): ReadonlyMap<string, ByteStream> {
  const whole = modelMessage(graph);
  if (whole.length <= largestFile) return new Map([[name, whole.pieces()]]);

  const places = new Map<Value, ExternalPlace>();
  const files = new Map<string, Value[]>();
  let file = '';
  let end = 0;
  for (const value of constantsOf(graph)) {
    const length = byteLength(value);
    if (length < SMALLEST_OUTSIDE) continue;
    let offset = aligned(end);
    if (files.size === 0 || (offset > 0 && offset + length > largestFile)) {
      file = `${name}_data${files.size === 0 ? '' : `_${files.size}`}`;
      files.set(file, []);
      offset = 0;
    }
    places.set(value, { file, offset, length });
    files.get(file)!.push(value);
    end = offset + length;
  }
  const contents = [...files].map(([path, values]) => [path, dataFile(graph, values, places)] as const);
  return new Map([[name, modelMessage(graph, places).pieces()], ...contents]);
}

const aligned = (offset: number) => Math.ceil(offset / ALIGNMENT) * ALIGNMENT;

function dataFile(graph: Graph, values: readonly Value[], places: ReadonlyMap<Value, ExternalPlace>): ByteStream {
  return {
    *[Symbol.iterator]() {
      let at = 0;
      for (const value of values) {
        const { offset, length } = places.get(value)!;
        if (offset > at) yield new Uint8Array(offset - at);
        yield bytesOf(graph.constants.get(value)!);
        at = offset + length;
      }
    },
  };
}
