// Chat templates as Python's Jinja renders them, on the parser and interpreter of @huggingface/jinja. Where that one
// (0.5.11) gives another prompt than Python, its evaluation is overridden here: strip, lstrip and rstrip with an
// argument, which it ignores; == and !=, which are JavaScript's (there '' == false); values that are no texts, where they
// are written; trim; loops over texts, and over what is not defined; and fields that have no name. A template is a program of others: its
// steps, its lists and its output are bounded.

import { Interpreter, parse, Template, tokenize } from '@huggingface/jinja';
import { asValue, FALSE, newScope, type Scope, Text, TRUE, UNDEFINED } from './jinja-values.ts';
import { type JinjaValue, type JsonStyle, pythonJson, pythonText } from './python-text.ts';

/** Steps of the interpreter: a conversation of a thousand messages takes some hundred thousand. */
const MOST_STEPS = 1_000_000;
/** Python's sandbox allows ten times that; no conversation needs it. */
const LONGEST_RANGE = 10_000;
/** Characters of a text, and entries of a list. */
const LONGEST_VALUE = 2 ** 24;

/** What a template raised itself, by raise_exception. */
export class RaisedByTemplate extends Error {}

const Base = Interpreter as unknown as new (
  scope: Scope,
) => {
  run(program: unknown): JinjaValue;
  evaluate(node: SyntaxNode | undefined, scope: Scope): JinjaValue;
  evaluateBlock(statements: readonly SyntaxNode[], scope: Scope): JinjaValue;
};
/** A compiled template. Rendering throws what the template raises, or an Error that says what it cannot do. */
export function compileJinja(source: string): (variables: Readonly<Record<string, unknown>>) => string {
  // As Hugging Face transformers compiles chat templates.
  const program = parse(tokenize(source, { lstrip_blocks: true, trim_blocks: true }));
  return (variables) => {
    const environment = newScope();
    for (const [name, value] of Object.entries({ ...GLOBALS, ...variables }))
      environment.declareVariable(name, asValue(value));
    return String(new PythonInterpreter(environment).run(program).value);
  };
}

const GLOBALS = {
  false: false,
  true: true,
  none: null,
  False: false,
  True: true,
  None: null,
  raise_exception: (message: unknown) => {
    throw new RaisedByTemplate(String(message));
  },
  range(start: number, stop?: number, step = 1): number[] {
    const [from, to] = stop === undefined ? [0, start] : [start, stop];
    if (![from, to, step].every(Number.isInteger) || step === 0) throw new Error('range() wants whole numbers');
    const length = Math.max(0, Math.ceil((to - from) / step));
    if (length > LONGEST_RANGE) throw new Error(`range() of ${length} is longer than ${LONGEST_RANGE}`);
    return Array.from({ length }, (_, i) => from + i * step);
  },
  strftime_now: (format: string) => NOW.render({ format }),
};
const NOW = new Template('{{ strftime_now(format) }}');

class PythonInterpreter extends Base {
  #steps = 0;

  override evaluate(node: SyntaxNode | undefined, environment: Scope): JinjaValue {
    const value = this.#asPython(node, environment) ?? super.evaluate(node, environment);
    const size = sizeOf(value);
    if (size > LONGEST_VALUE) throw new Error(`it makes a text or a list longer than ${LONGEST_VALUE}`);
    // A list is walked at most once for each time that it is looked at; texts are quicker.
    this.#steps += 1 + (typeof value.value === 'string' ? size / 16 : size);
    if (this.#steps > MOST_STEPS) throw new Error(`it takes more than ${MOST_STEPS} steps`);
    return value;
  }

  /** As the base class, but that it writes what Python writes of values. */
  override evaluateBlock(statements: readonly SyntaxNode[], environment: Scope): JinjaValue {
    let text = '';
    for (const statement of statements) {
      const value = this.evaluate(statement, environment);
      if (value.type === 'NullValue' && WITHOUT_VALUE.has(statement.type)) continue;
      text += pythonText(value);
    }
    return new Text(text);
  }

  /** What Python makes of the few things that it does otherwise, undefined for all else. */
  #asPython(node: SyntaxNode | undefined, environment: Scope): JinjaValue | undefined {
    switch (node?.type) {
      case 'BinaryExpression': {
        const { operator, left, right } = node as BinaryNode;
        if (operator.value === '~') {
          const [one, other] = [left, right].map((side) => this.evaluate(side, environment));
          return new Text(pythonText(one!) + pythonText(other!));
        }
        if (operator.value !== '==' && operator.value !== '!=') return undefined;
        const same = equal(this.evaluate(left, environment), this.evaluate(right, environment));
        return same === (operator.value === '==') ? TRUE : FALSE;
      }
      case 'CallExpression': {
        const { callee, args } = node as CallNode;
        if (callee.type !== 'MemberExpression' || args.length === 0) return undefined;
        const { object, property, computed } = callee as MemberNode;
        if (computed || !isStrip(property.value)) return undefined;
        const text = this.evaluate(object, environment);
        return text.type === 'StringValue' ? this.#strip(text, property.value, args, environment) : undefined;
      }
      case 'FilterExpression': {
        const { operand, filter } = node as FilterNode;
        const call = filter.type === 'CallExpression' ? (filter as CallNode) : undefined;
        const name = call ? (call.callee as IdentifierNode).value : (filter as IdentifierNode).value;
        if (name === 'string') return new Text(pythonText(this.evaluate(operand, environment)));
        if (name === 'tojson') {
          const style = this.#jsonStyle(call?.args ?? [], environment);
          return new Text(pythonJson(this.evaluate(operand, environment), style));
        }
        if (name !== 'trim') return undefined;
        const text = this.evaluate(operand, environment);
        if (text.type === 'UndefinedValue') return new Text('');
        return text.type === 'StringValue' ? this.#strip(text, 'strip', call?.args ?? [], environment) : undefined;
      }
      case 'For': {
        const { iterable, defaultBlock } = node as ForNode;
        if (!isName(iterable)) return undefined;
        const { type, value } = this.evaluate(iterable, environment);
        if (type === 'UndefinedValue') return this.evaluateBlock(defaultBlock, environment);
        if (type !== 'StringValue') return undefined;
        const characters = Array.from(value as string, (one) => ({ type: 'StringLiteral', value: one }));
        const letters = { type: 'ArrayLiteral', value: characters };
        return super.evaluate({ ...(node as ForNode), iterable: letters } as ForNode, environment);
      }
      case 'MemberExpression': {
        const { object, property, computed } = node as MemberNode;
        if (!computed || !isName(property)) return undefined;
        if (this.evaluate(property, environment).type !== 'UndefinedValue') return undefined;
        return this.evaluate(object, environment).type === 'ObjectValue' ? UNDEFINED : undefined;
      }
      default:
        return undefined;
    }
  }

  /** The arguments that transformers gives to `tojson`. */
  #jsonStyle(args: readonly SyntaxNode[], environment: Scope): JsonStyle {
    const given = new Map<string, JinjaValue>();
    for (const [i, arg] of args.entries()) {
      const named = arg.type === 'KeywordArgumentExpression' ? (arg as KeywordNode) : undefined;
      given.set(named ? named.key.value : JSON_ARGUMENTS[i]!, this.evaluate(named?.value ?? arg, environment));
    }
    const indent = given.get('indent')?.value;
    const separators = given.get('separators')?.value as readonly JinjaValue[] | null | undefined;
    const [between, behindKey] = (separators ?? []).map(({ value }) => String(value));
    return {
      ...(indent != null && { indent: typeof indent === 'string' ? indent : ' '.repeat(Number(indent)) }),
      separators: [between ?? (indent == null ? ', ' : ','), behindKey ?? ': '],
      ascii: given.get('ensure_ascii')?.value === true,
      sortKeys: given.get('sort_keys')?.value === true,
    };
  }

  #strip(text: JinjaValue, kind: Strip, args: readonly SyntaxNode[], environment: Scope): JinjaValue {
    const first = args[0];
    const given = first?.type === 'KeywordArgumentExpression' ? (first as KeywordNode).value : first;
    const chars = given === undefined ? undefined : this.evaluate(given, environment);
    const set = chars?.type === 'StringValue' ? new Set(chars.value as string) : PYTHON_SPACES;
    return new Text(stripped(Array.from(text.value as string), kind, set));
  }
}

const sizeOf = ({ value }: JinjaValue): number =>
  typeof value === 'string' || Array.isArray(value) ? value.length : value instanceof Map ? value.size : 0;

const isName = ({ type }: SyntaxNode): boolean => type === 'Identifier' || type === 'MemberExpression';

/** In their order. */
const JSON_ARGUMENTS = ['ensure_ascii', 'indent', 'separators', 'sort_keys'] as const;

const STRIPS = ['strip', 'lstrip', 'rstrip'] as const;
type Strip = (typeof STRIPS)[number];
const isStrip = (name: unknown): name is Strip => STRIPS.includes(name as Strip);

/** What str.strip() takes for white space: not all that JavaScript does, and a few characters more. */
const PYTHON_SPACES: ReadonlySet<string> = new Set(
  '\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000',
);

function stripped(characters: readonly string[], kind: Strip, set: ReadonlySet<string>): string {
  let from = 0;
  let to = characters.length;
  if (kind !== 'rstrip') while (from < to && set.has(characters[from]!)) from++;
  if (kind !== 'lstrip') while (to > from && set.has(characters[to - 1]!)) to--;
  return characters.slice(from, to).join('');
}

/** Statements that write nothing themselves. */
const WITHOUT_VALUE: ReadonlySet<string> = new Set(['Set', 'Macro', 'Comment', 'If', 'For', 'CallStatement']);

/** Python's ==: numbers and booleans with one another, everything else only with its own kind. */
function equal(a: JinjaValue, b: JinjaValue): boolean {
  const kind = kindOf(a);
  if (kind !== kindOf(b)) return false;
  if (kind === 'ArrayValue' || kind === 'TupleValue') {
    const [left, right] = [a.value as JinjaValue[], b.value as JinjaValue[]];
    return left.length === right.length && left.every((value, i) => equal(value, right[i]!));
  }
  if (kind === 'ObjectValue') {
    const [left, right] = [a.value as Map<string, JinjaValue>, b.value as Map<string, JinjaValue>];
    return (
      left.size === right.size && [...left].every(([key, value]) => right.has(key) && equal(value, right.get(key)!))
    );
  }
  return kind === 'number' ? Number(a.value) === Number(b.value) : a.value === b.value;
}

const kindOf = ({ type }: JinjaValue): string =>
  ['IntegerValue', 'FloatValue', 'BooleanValue'].includes(type) ? 'number' : type;

// The parts of the syntax tree that are looked at.
interface SyntaxNode {
  readonly type: string;
}
type IdentifierNode = SyntaxNode & { readonly value: string };
type KeywordNode = SyntaxNode & { readonly key: { readonly value: string }; readonly value: SyntaxNode };
type BinaryNode = SyntaxNode & { readonly operator: { readonly value: string }; left: SyntaxNode; right: SyntaxNode };
type CallNode = SyntaxNode & { readonly callee: SyntaxNode; readonly args: readonly SyntaxNode[] };
type MemberNode = SyntaxNode & { object: SyntaxNode; property: SyntaxNode & { value?: unknown }; computed: boolean };
type ForNode = SyntaxNode & { readonly iterable: SyntaxNode; readonly defaultBlock: readonly SyntaxNode[] };
type FilterNode = SyntaxNode & { readonly operand: SyntaxNode; readonly filter: SyntaxNode };
