// What Python writes of a value: str(), and repr() of what stands within lists and objects.

/** A value of the interpreter of templates. */
export interface JinjaValue {
  readonly type: string;
  readonly value: unknown;
}

/** Python's str(). */
export function pythonText({ type, value }: JinjaValue): string {
  switch (type) {
    case 'BooleanValue':
      return value ? 'True' : 'False';
    case 'NullValue':
      return 'None';
    case 'UndefinedValue':
      return '';
    case 'FloatValue':
      return floatText(value as number);
    case 'ArrayValue':
      return `[${(value as readonly JinjaValue[]).map(repr).join(', ')}]`;
    case 'TupleValue':
      return tupleText(value as readonly JinjaValue[]);
    case 'ObjectValue': {
      const entries = [...(value as ReadonlyMap<string, JinjaValue>)];
      return `{${entries.map(([key, entry]) => `${quoted(key)}: ${repr(entry)}`).join(', ')}}`;
    }
    default:
      return String(value);
  }
}

const repr = (value: JinjaValue): string =>
  value.type === 'StringValue' ? quoted(value.value as string) : pythonText(value);

const tupleText = (entries: readonly JinjaValue[]) =>
  entries.length === 1 ? `(${repr(entries[0]!)},)` : `(${entries.map(repr).join(', ')})`;

/** Python writes at least two digits of an exponent, and a fraction where there is no exponent. */
function floatText(value: number): string {
  const text = Object.is(value, -0) ? '-0' : String(value);
  if (text.includes('e')) return text.replace(/e([+-])(\d)$/, 'e$10$2');
  return Number.isInteger(value) ? `${text}.0` : text;
}

/** What Python does not print as it is. */
const UNPRINTABLE = /[\p{C}\p{Z}]/u;
const NAMED: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  return quote + Array.from(text, (character) => escaped(character, quote)).join('') + quote;
}

function escaped(character: string, quote: string): string {
  if (character === quote) return `\\${quote}`;
  const named = NAMED[character];
  if (named !== undefined) return named;
  if (character === ' ' || !UNPRINTABLE.test(character)) return character;
  const code = character.codePointAt(0)!.toString(16);
  if (code.length <= 2) return `\\x${code.padStart(2, '0')}`;
  return code.length <= 4 ? `\\u${code.padStart(4, '0')}` : `\\U${code.padStart(8, '0')}`;
}
