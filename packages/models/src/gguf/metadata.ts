// The metadata of a GGUF file, field by field, with a clear error where one is not what it should be.

import { shown } from '../config/known-fields.ts';
import type { GgufHeader, GgufTensor, GgufValue } from './gguf-header.ts';
import { bad } from './gguf-header.ts';

/** What a GGUF file says of its model. */
export class GgufMetadata {
  readonly #values: ReadonlyMap<string, GgufValue>;
  readonly #heeded = new Set<string>();
  readonly tensors: ReadonlyMap<string, GgufTensor>;

  constructor({ metadata, tensors }: GgufHeader) {
    this.#values = metadata;
    this.tensors = tensors;
  }

  /** `general.architecture` */
  get architecture(): string {
    const name = this.text('general.architecture');
    if (name === undefined) throw bad('it does not say general.architecture');
    return name;
  }

  /** Fields of the architecture that were not asked for, with their values. */
  get unheeded(): Readonly<Record<string, GgufValue>> {
    const own = `${this.architecture}.`;
    return Object.fromEntries([...this.#values].filter(([name]) => name.startsWith(own) && !this.#heeded.has(name)));
  }

  text(name: string): string | undefined {
    return this.#typed(name, 'string', 'a text');
  }

  flag(name: string): boolean | undefined {
    return this.#typed(name, 'boolean', 'true or false');
  }

  /** A number; of a list with one for each layer, the one that all have. Nothing else is checked of it. */
  number(name: string): number | undefined {
    const value = this.#value(name);
    if (!Array.isArray(value)) return this.#typed(name, 'number', 'a number');
    const [first] = value;
    if (typeof first === 'number' && value.every((one) => one === first)) return first;
    throw bad(`its ${name} differs from layer to layer, which no model has that is read here`);
  }

  /** A number that the architecture cannot do without, such as `block_count`. */
  needed(name: string): number {
    const full = `${this.architecture}.${name}`;
    const value = this.number(full);
    if (value === undefined) throw bad(`it does not say ${full}`);
    return value;
  }

  /** A number of single precision, as the shortest decimal that means it: 1e-5 and not 0.000009999999747378752. */
  decimal(name: string): number | undefined {
    const value = this.number(name);
    if (value === undefined) return undefined;
    for (let digits = 1; digits < 9; digits++) {
      const short = Number(value.toPrecision(digits));
      if (Math.fround(short) === value) return short;
    }
    return value;
  }

  texts(name: string): readonly string[] | undefined {
    return this.#list(name, 'string', 'a list of texts');
  }

  numbers(name: string): readonly number[] | undefined {
    return this.#list(name, 'number', 'a list of numbers');
  }

  #value(name: string): GgufValue | undefined {
    this.#heeded.add(name);
    return this.#values.get(name);
  }

  #typed<T extends GgufValue>(name: string, type: string, needed: string): T | undefined {
    const value = this.#value(name);
    if (value !== undefined && typeof value !== type) throw bad(`its ${name} is ${shown(value)}; ${needed} is needed`);
    return value as T | undefined;
  }

  #list<T extends GgufValue>(name: string, type: string, needed: string): readonly T[] | undefined {
    const value = this.#value(name);
    if (value === undefined) return undefined;
    if (!Array.isArray(value) || !value.every((one) => typeof one === type))
      throw bad(`its ${name} is ${shown(value)}; ${needed} is needed`);
    return value as readonly T[];
  }
}
