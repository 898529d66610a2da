// The gradient of a batch, as the sum of what its micro-batches give. A batch may be cut into parts: each is summed by
// itself and added as a whole, so that the sum is the same, bit for bit, whether its parts were summed here or elsewhere.

import { add, Graph, serialize } from '@ludic/graph';
import { type HostTensor, Programs, ResidentTensors, type Runtime, type Tensors } from '@ludic/runtime';
import { type TensorShapes, tensorGroups } from '../optimizer/tensor-groups.ts';

/**
 * A sum is empty, or it has a part that is being summed, a total of the parts that have ended, or both. What is not there is
 * undefined: no tensor is read whose numbers mean nothing.
 */
export class GradientSum {
  /** `gradient.NAME` of each parameter: what `add` takes. */
  readonly outputs: readonly string[];
  readonly #runtime: Runtime;
  readonly #shapes: TensorShapes;
  readonly #programs: Programs;
  #part: ResidentTensors | undefined;
  #total: ResidentTensors | undefined;
  /** Tensors of earlier sums, to be written over. */
  readonly #spare: ResidentTensors[] = [];

  /** @param shapes of the parameters */
  constructor(runtime: Runtime, shapes: TensorShapes) {
    this.outputs = Array.from(shapes.keys(), (name) => `gradient.${name}`);
    this.#runtime = runtime;
    this.#shapes = shapes;
    this.#programs = new Programs(runtime);
  }

  /**
   * Adds a gradient to the present part, which it begins where there is none.
   * @param run returns `gradient.NAME`, which may be written over the second argument: `sum.NAME` of the first plus the
   * gradient, or the gradient alone where the first is undefined
   * @param fromZeros a part begins with a sum of zeros, and not with none
   */
  async add<Outputs extends Tensors>(
    run: (sum: Tensors | undefined, into: Readonly<Record<string, HostTensor>>) => Promise<Outputs>,
    fromZeros = false,
  ): Promise<Outputs> {
    const begins = this.#part === undefined;
    if (begins && this.#spare.length === 0) this.#spare.push(await ResidentTensors.zeros(this.#runtime, this.#shapes));
    const tensors = this.#part ?? this.#spare.at(-1)!;
    if (begins && fromZeros) await tensors.clear();
    const sum = begins && !fromZeros ? undefined : tensors.inputs('sum.');
    const outputs = await run(sum, tensors.into('gradient.'));
    tensors.take(outputs, 'gradient.');
    if (begins) this.#part = this.#spare.pop();
    return outputs;
  }

  /** Ends the present part, if there is one: what comes next is summed by itself. */
  async endPart(): Promise<void> {
    const part = this.#part;
    if (!part) return;
    if (this.#total) {
      await this.#addTo(this.#total, part);
      this.#spare.push(part);
    } else this.#total = part;
    this.#part = undefined;
  }

  /** Adds a part that another sum has downloaded, and takes its tensors over. The present part stays open. */
  async addPart(gradients: Readonly<Record<string, HostTensor>>): Promise<void> {
    const part = await ResidentTensors.of(this.#runtime, gradients);
    if (this.#total) {
      await this.#addTo(this.#total, part);
      part.dispose();
    } else {
      this.#spare.pop()?.dispose();
      this.#total = part;
    }
  }

  /** All that was added since the last `clear`; undefined where nothing was. Where there is a total, the present part ends. */
  async whole(): Promise<ResidentTensors | undefined> {
    if (!this.#total) return this.#part;
    await this.endPart();
    return this.#total;
  }

  /** The same by parameter, in ordinary memory; empty where nothing was added. */
  async download(): Promise<Readonly<Record<string, HostTensor>>> {
    return (await (await this.whole())?.download()) ?? {};
  }

  clear(): void {
    for (const tensors of [this.#part, this.#total]) if (tensors) this.#spare.push(tensors);
    this.#part = undefined;
    this.#total = undefined;
  }

  async dispose(): Promise<void> {
    this.clear();
    for (const tensors of this.#spare.splice(0)) tensors.dispose();
    await this.#programs.dispose();
  }

  async #addTo(total: ResidentTensors, part: ResidentTensors): Promise<void> {
    const inputs = { ...total.inputs('sum.'), ...part.inputs('gradient.') };
    for (const [i, shapes] of tensorGroups(this.#shapes).entries()) {
      const keepOnDevice = Array.from(shapes.keys(), (name) => `next.${name}`);
      const program = await this.#programs.get(`${i}`, () => buildAddition(shapes), { keepOnDevice });
      total.take(await program.run(inputs, total.into('next.')), 'next.');
    }
  }
}

/**
 * Inputs `sum.NAME` and `gradient.NAME`; outputs `next.NAME`, which may be written over either. A graph, since the
 * runtime may count the smallest numbers as zero where JavaScript does not.
 */
function buildAddition(shapes: TensorShapes): Uint8Array {
  const graph = new Graph('addition');
  for (const [name, shape] of shapes) {
    const part = (prefix: string) => graph.input(`${prefix}.${name}`, 'float32', shape);
    graph.output(`next.${name}`, add(part('sum'), part('gradient')));
  }
  return serialize(graph);
}
