// Values of the interpreter of templates, whose own classes are not exported, and data as such values.

import { Environment } from '@huggingface/jinja';
import type { JinjaValue } from './python-text.ts';
import { SpelledNumber } from './tools/spelled-json.ts';

export interface Scope {
  set(name: string, value: unknown): JinjaValue;
  declareVariable(name: string, value: JinjaValue): JinjaValue;
}
export const newScope = (): Scope => new (Environment as unknown as new () => Scope)();
const runtimeValue = (value: unknown): JinjaValue => newScope().set('value', value);

type ValueClass<Value> = new (value: Value) => JinjaValue;
const classOf = <Value>(value: unknown) => runtimeValue(value).constructor as ValueClass<Value>;

export const TRUE = runtimeValue(true);
export const FALSE = runtimeValue(false);
export const UNDEFINED = runtimeValue(undefined);
export const Text = classOf<string>('');
const Whole = classOf<number | bigint>(0);
const Float = classOf<number>(0.5);
const List = classOf<readonly JinjaValue[]>([]);
const Dictionary = classOf<ReadonlyMap<string, JinjaValue>>({});

/** Data, with its numbers as they are spelled and its fields in their order, where it says them. */
export function asValue(data: unknown): JinjaValue {
  if (data instanceof SpelledNumber) return data.isWhole ? new Whole(data.whole) : new Float(data.value);
  if (Array.isArray(data)) return new List(data.map(asValue));
  if (data instanceof Map) return dictionary([...(data as ReadonlyMap<string, unknown>)]);
  return typeof data === 'object' && data !== null ? dictionary(Object.entries(data)) : runtimeValue(data);
}

const dictionary = (entries: readonly (readonly [string, unknown])[]) =>
  new Dictionary(new Map(entries.map(([key, entry]) => [key, asValue(entry)])));
