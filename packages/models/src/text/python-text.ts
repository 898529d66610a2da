// What Python writes of a value of a template: str(), repr() of what stands within lists and objects, and json.dumps().

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

/** Python's repr() of a float: an exponent below 10⁻⁴ and from 10¹⁶ on, of at least two digits; else a fraction. */
function floatText(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e16)) return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2');
  const text = Object.is(value, -0) ? '-0' : String(value);
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

/** Arguments of json.dumps() that a template may give to `tojson`. */
export interface JsonStyle {
  /** What a level is indented by; all in one line where absent. */
  readonly indent?: string;
  /** Between entries, and between a key and its value. */
  readonly separators: readonly [string, string];
  readonly ascii: boolean;
  readonly sortKeys: boolean;
}

/** Python's json.dumps(). @throws Error for what is no data */
export function pythonJson(given: JinjaValue, style: JsonStyle, depth = 0): string {
  const { type, value } = given;
  const inner = (entry: JinjaValue) => pythonJson(entry, style, depth + 1);
  switch (type) {
    case 'NullValue':
    case 'UndefinedValue':
      return 'null';
    case 'BooleanValue':
      return String(value);
    case 'IntegerValue':
    case 'FloatValue':
      return pythonText(given);
    case 'StringValue':
      return jsonText(value as string, style);
    case 'ArrayValue':
    case 'TupleValue':
      return container('[', ']', (value as readonly JinjaValue[]).map(inner), style, depth);
    case 'ObjectValue':
    case 'NamespaceValue': {
      const entries = [...(value as ReadonlyMap<string, JinjaValue>)];
      if (style.sortKeys) entries.sort(([a], [b]) => (a < b ? -1 : 1));
      const fields = entries.map(([key, entry]) => jsonText(key, style) + style.separators[1] + inner(entry));
      return container('{', '}', fields, style, depth);
    }
    default:
      throw new Error(`tojson takes no ${type}`);
  }
}

const jsonText = (text: string, { ascii }: JsonStyle): string => {
  const json = JSON.stringify(text);
  if (!ascii) return json;
  return json.replace(/[\x7f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
};

function container(open: string, close: string, parts: readonly string[], style: JsonStyle, depth: number): string {
  const { indent, separators } = style;
  if (parts.length === 0 || indent === undefined) return open + parts.join(separators[0]) + close;
  const line = `\n${indent.repeat(depth)}`;
  return open + line + indent + parts.join(separators[0] + line + indent) + line + close;
}
