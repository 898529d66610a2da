// Calls that are JSON, in tags, after a mark, or alone.

import { SHORT_ID, type ToolCall } from './conversation.ts';
import { afterSpace, jsonEnd, listEntries, objectFields } from './json-text.ts';

/** Calls in a reply, and what stands around them. */
export interface FoundCalls {
  readonly before: string;
  readonly calls: readonly ToolCall[];
  readonly after: string;
}

/** The call that an object says; undefined where it says none. Llama writes `parameters` for `arguments`. */
function callOf(json: string): ToolCall | undefined {
  const fields = objectFields(json);
  const name = textOf(fields?.get('name'));
  const given = fields?.get('arguments') ?? fields?.get('parameters');
  if (name === undefined || name === '' || given === undefined) return undefined;
  // Some models write the arguments as a text that holds the object.
  const text = given.startsWith('"') ? textOf(given)! : given;
  if (!objectFields(text)) return undefined;
  // Other ids are none that a model was taught to write.
  const id = textOf(fields!.get('id'));
  return { ...(id !== undefined && SHORT_ID.test(id) && { id }), name, arguments: text.trim() };
}

const textOf = (json: string | undefined): string | undefined =>
  json?.startsWith('"') ? (JSON.parse(json) as string) : undefined;

/** The calls of a list or of one object; undefined where a part of it is no call. */
export function callsOf(json: string): readonly ToolCall[] | undefined {
  const calls = (listEntries(json) ?? [json]).map(callOf);
  return calls.length > 0 && calls.every((call) => call !== undefined) ? calls : undefined;
}

/** Calls between tags, each one object or a list. The last closing tag may be missing: the reply ended there. */
export function taggedCalls(open: string, close: string): (text: string) => FoundCalls | undefined {
  return (text) => {
    const first = text.indexOf(open);
    if (first < 0) return undefined;
    const calls: ToolCall[] = [];
    let after = '';
    for (const part of text.slice(first + open.length).split(open)) {
      const begin = afterSpace(part, 0);
      const end = jsonEnd(part, begin);
      const found = end !== undefined && callsOf(part.slice(begin, end));
      if (!found) return undefined;
      calls.push(...found);
      const rest = part.slice(afterSpace(part, end));
      if (rest.startsWith(close)) after += rest.slice(close.length);
      else if (rest !== '') return undefined;
    }
    return { before: text.slice(0, first), calls, after };
  };
}

/** A whole reply of objects or lists, one after the other, after a mark. @param isNeeded the mark may not be missing */
export function jsonCalls(mark: string, { isNeeded = false } = {}): (text: string) => FoundCalls | undefined {
  return (text) => {
    const calls: ToolCall[] = [];
    let at = afterSpace(text, 0);
    if (isNeeded && !text.startsWith(mark, at)) return undefined;
    while (at < text.length) {
      if (text.startsWith(mark, at)) at = afterSpace(text, at + mark.length);
      const end = jsonEnd(text, at);
      const found = end !== undefined && callsOf(text.slice(at, end));
      if (!found) return undefined;
      calls.push(...found);
      at = afterSpace(text, end);
      if (text[at] === ';' || text[at] === ',') at = afterSpace(text, at + 1);
    }
    return calls.length > 0 ? { before: '', calls, after: '' } : undefined;
  };
}

const MISTRAL = '[TOOL_CALLS]';
/** Of newer templates: the name, perhaps an id, then the arguments. */
const NAMED = /^([\w.-]+)(?:\[CALL_ID\](\w+))?(?:\[ARGS\])?\s*(?=\{)/;

/** Mistral's: a list after a mark, or after each mark a name and an object. */
export function mistralCalls(text: string): FoundCalls | undefined {
  const [before, ...parts] = text.split(MISTRAL);
  const calls = parts.map((part) => {
    const body = part.trim();
    const named = NAMED.exec(body);
    if (!named) return callsOf(body);
    const [whole, name, id] = named;
    const json = body.slice(whole.length);
    return objectFields(json) && [{ ...(id !== undefined && { id }), name: name!, arguments: json }];
  });
  if (calls.length === 0 || !calls.every((found) => found !== undefined)) return undefined;
  return { before: before!, calls: calls.flat(), after: '' };
}
