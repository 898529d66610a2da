// JSON that stands within a text: where it ends, and its parts as they are spelled. JSON.parse would lose the spelling
// (1.0, 12345678901234567890), and with it what the model has written.

const SPACE = /\s/;

/** Where the object, list or string that begins at `from` ends; undefined where none begins there, or it does not end. */
export function jsonEnd(text: string, from: number): number | undefined {
  const closing: string[] = [];
  for (let at = from; at < text.length; at++) {
    const character = text[at]!;
    if (character === '"') {
      at = stringEnd(text, at);
      if (at < 0) return undefined;
    } else if (character === '{' || character === '[') {
      closing.push(character === '{' ? '}' : ']');
    } else if (character === '}' || character === ']') {
      if (closing.pop() !== character) return undefined;
    }
    if (closing.length === 0) return at > from || character === '"' ? at + 1 : undefined;
  }
  return undefined;
}

/** The place of the closing quote; -1 where there is none. */
function stringEnd(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '"') return at;
  }
  return -1;
}

/** The fields of a JSON object, each as it is spelled; undefined where the text is anything else. */
export function objectFields(text: string): ReadonlyMap<string, string> | undefined {
  const parts = splitContainer(text, '{');
  if (!parts) return undefined;
  const fields = new Map<string, string>();
  for (const part of parts) {
    const end = jsonEnd(part, 0)!;
    fields.set(JSON.parse(part.slice(0, end)) as string, part.slice(part.indexOf(':', end) + 1).trim());
  }
  return fields;
}

/** The entries of a JSON list, each as it is spelled; undefined where the text is anything else. */
export const listEntries = (text: string): readonly string[] | undefined => splitContainer(text, '[');

function splitContainer(given: string, opening: '{' | '['): readonly string[] | undefined {
  const text = given.trim();
  if (text[0] !== opening) return undefined;
  try {
    JSON.parse(text);
  } catch {
    return undefined;
  }
  const parts: string[] = [];
  let begin = 1;
  for (let at = 1; at < text.length; at++) {
    const character = text[at]!;
    if (character === ',' || at === text.length - 1) {
      const part = text.slice(begin, at).trim();
      if (part !== '') parts.push(part);
      begin = at + 1;
    } else if (character === '"' || character === '{' || character === '[') {
      at = jsonEnd(text, at)! - 1;
    }
  }
  return parts;
}

/** The place of the next character that is no white space. */
export function afterSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && SPACE.test(text[at]!)) at++;
  return at;
}
