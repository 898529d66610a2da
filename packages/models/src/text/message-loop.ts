// Whether a chat template writes each message by itself: the text of a conversation is then that of its messages, one after
// the other, and an end. One that grows need not be rendered again at every turn.

import { parse, tokenize } from '@huggingface/jinja';

/** What the text of a message may be made of. Nothing else is certain to depend on that message alone. */
const NODES: ReadonlySet<string> = new Set([
  'BinaryExpression',
  'FilterExpression',
  'Identifier',
  'If',
  'MemberExpression',
  'StringLiteral',
]);
const FIELDS: readonly string[] = ['role', 'content', 'trim'];

/**
 * True for a loop over all messages whose body looks at the message alone, followed by at most the generation prompt. False
 * also where that is so in a way that is not seen.
 * @param constants names that mean the same in every conversation
 */
export function writesMessagesAlone(source: string, constants: readonly string[]): boolean {
  const [loop, ...end] = parse(tokenize(source, { lstrip_blocks: true, trim_blocks: true })).body as readonly Node[];
  if (loop?.type !== 'For' || name(loop.iterable) !== 'messages') return false;
  const { loopvar, body, defaultBlock } = loop as Node & Record<'body' | 'defaultBlock', readonly unknown[]>;
  const message = name(loopvar);
  if (message === undefined || defaultBlock.length > 0) return false;
  const known = [...constants, ...FIELDS];
  return madeOf(body, [message, ...known]) && end.every((node) => isGenerationPrompt(node) && madeOf(node.body, known));
}

const isGenerationPrompt = ({ type, test, alternate }: Node): boolean =>
  type === 'If' && name(test) === 'add_generation_prompt' && (alternate as readonly unknown[]).length === 0;

type Node = Readonly<Record<string, unknown>> & { readonly type: string };

const name = (node: unknown): string | undefined =>
  (node as Node | undefined)?.type === 'Identifier' ? ((node as Node).value as string) : undefined;

/** Whether all nodes are of these kinds, and all names are known. */
function madeOf(part: unknown, names: readonly string[]): boolean {
  if (Array.isArray(part)) return part.every((one) => madeOf(one, names));
  if (typeof part !== 'object' || part === null) return true;
  const node = part as Node;
  // An operator is a token of the source: it holds no nodes.
  if (node.type === undefined || !NODES.has(node.type)) return false;
  if (node.type === 'Identifier') return names.includes(node.value as string);
  const { operator: _, type: __, ...parts } = node;
  return Object.values(parts).every((one) => madeOf(one, names));
}
