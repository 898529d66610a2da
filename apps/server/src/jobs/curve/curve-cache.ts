// Curves that were asked for, kept as the JSON of their answers: a client that asks again costs what has been added to the
// file since, and not the whole file.

import { type CurveLine, CurveReader } from './curve-reader.ts';

/** Lines of one type that follow each other in the file. */
interface CurvePart {
  /** The least and the greatest of their steps. */
  readonly min: number;
  readonly max: number;
  /** Objects, each with a comma before it. Never written again. */
  readonly json: Buffer;
}

/** JSON of objects that follow each other, each with a comma before it. */
interface CurveJson {
  readonly steps: readonly Uint8Array[];
  readonly evaluations: readonly Uint8Array[];
}

export const NO_CURVE: CurveJson = { steps: [], evaluations: [] };

const MOST_CURVES = 8;
/** For all of them together; a longer curve is read anew each time. */
const MOST_BYTES = 128 * 2 ** 20;
/** A part takes up more lines while it is shorter. */
const PART = 2 ** 16;

export class CurveCache {
  readonly #mostBytes: number;
  /** By path, the one last that was asked for last. */
  readonly #curves = new Map<string, CachedCurve>();

  constructor(mostBytes = MOST_BYTES) {
    this.#mostBytes = mostBytes;
  }

  /** How much of what was read is in memory. */
  get bytes(): number {
    return [...this.#curves.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** @param after only steps after this one */
  async read(path: string, after: number): Promise<CurveJson> {
    const curve = this.#curves.get(path) ?? new CachedCurve(path);
    this.#curves.delete(path);
    this.#curves.set(path, curve);
    const json = await curve.read(after);
    for (const oldest of this.#curves.keys()) {
      if (this.#curves.size <= MOST_CURVES && this.bytes <= this.#mostBytes) break;
      this.#curves.delete(oldest);
    }
    return json;
  }
}

class CachedCurve {
  readonly #reader: CurveReader;
  #parts: { readonly step: CurvePart[]; readonly evaluation: CurvePart[] } = { step: [], evaluation: [] };
  #bytes = 0;
  /** Readings follow each other. */
  #last: Promise<void> = Promise.resolve();

  constructor(path: string) {
    this.#reader = new CurveReader(path, () => {
      this.#parts = { step: [], evaluation: [] };
      this.#bytes = 0;
    });
  }

  get bytes(): number {
    return this.#bytes;
  }

  async read(after: number): Promise<CurveJson> {
    const reading = this.#last.then(() => this.#readOn());
    this.#last = reading.catch(() => {});
    await reading;
    const { step, evaluation } = this.#parts;
    return { steps: later(step, after), evaluations: later(evaluation, after) };
  }

  async #readOn(): Promise<void> {
    for await (const lines of this.#reader.pages()) {
      for (const type of ['step', 'evaluation'] as const)
        this.#add(
          type,
          lines.filter((line) => line.type === type),
        );
    }
  }

  #add(type: CurveLine['type'], lines: readonly CurveLine[]): void {
    if (lines.length === 0) return;
    const parts = this.#parts[type];
    const added = Buffer.from(lines.map(({ data }) => `,${JSON.stringify(data)}`).join(''));
    const last = parts.at(-1);
    const joins = last !== undefined && last.json.length < PART ? parts.pop() : undefined;
    parts.push({
      min: lines.reduce((least, { step }) => Math.min(least, step), joins?.min ?? Number.POSITIVE_INFINITY),
      max: lines.reduce((most, { step }) => Math.max(most, step), joins?.max ?? Number.NEGATIVE_INFINITY),
      json: joins ? Buffer.concat([joins.json, added]) : added,
    });
    this.#bytes += added.length;
  }
}

const later = (parts: readonly CurvePart[], after: number): Uint8Array[] =>
  parts.flatMap(({ min, max, json }) => {
    if (max <= after) return [];
    if (min > after) return [json];
    const lines: readonly CurveLine['data'][] = JSON.parse(`[${json.subarray(1)}]`);
    const kept = lines.filter(({ step }) => step > after);
    return [Buffer.from(kept.map((line) => `,${JSON.stringify(line)}`).join(''))];
  });

/** `JobMetrics` of the contract as JSON, in pieces. */
export function metricsJson(id: string, { steps, evaluations }: CurveJson): readonly Uint8Array[] {
  const list = (parts: readonly Uint8Array[]) => parts.map((part, i) => (i === 0 ? part.subarray(1) : part));
  return [
    Buffer.from(`{"job_id":${JSON.stringify(id)},"steps":[`),
    ...list(steps),
    Buffer.from('],"evaluations":['),
    ...list(evaluations),
    Buffer.from(']}'),
  ];
}
