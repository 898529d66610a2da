// Reads the action out of a reply: `<move>5</move>` → `5`. Models write sloppily, so case, spaces inside the tag, text
// around it and a missing closing tag are all forgiven. Never throws; time is linear in the length of the reply.

const SPACE = 32;
const LESS = 60;
const GREATER = 62;
const SLASH = 47;

/** The first index from `i` on that holds no white space. */
function skipSpace(text: string, i: number): number {
  while (i < text.length && text.charCodeAt(i) <= SPACE) i++;
  return i;
}

/** Where the tag that begins with the `<` at `i` ends, negative for a closing tag, 0 where it is no such tag. */
function tagEnd(text: string, tag: string, i: number): number {
  let at = skipSpace(text, i + 1);
  const closing = text.charCodeAt(at) === SLASH;
  if (closing) at = skipSpace(text, at + 1);
  if (text.slice(at, at + tag.length).toLowerCase() !== tag) return 0;
  at = skipSpace(text, at + tag.length);
  if (text.charCodeAt(at) !== GREATER) return 0;
  return closing ? -(at + 1) : at + 1;
}

/** The rest of the line, up to the next tag. White space right after the opening tag does not count as a line. */
function unclosed(text: string, start: number): string {
  const from = skipSpace(text, start);
  let to = from;
  while (to < text.length && text.charCodeAt(to) !== LESS && text.charCodeAt(to) !== 10) to++;
  return text.slice(from, to).trim();
}

function scan(text: string, tag: string): string | undefined {
  let complete: string | undefined;
  let open = -1;
  let lastOpen = -1;
  for (let i = text.indexOf('<'); i >= 0; i = text.indexOf('<', i + 1)) {
    const end = tagEnd(text, tag, i);
    if (end > 0) {
      open = end;
      lastOpen = end;
    } else if (end < 0 && open >= 0) {
      complete = text.slice(open, i);
      open = -1;
    }
  }
  if (complete !== undefined) return complete.trim();
  return lastOpen >= 0 ? unclosed(text, lastOpen) : undefined;
}

/**
 * A reader of the tag `tag` (lower case). It returns the trimmed content of the last complete tag; where none is complete,
 * that of the last opened one up to the end of its line or the next tag; `undefined` where there is no such tag.
 */
export function tagReader(tag: string): (text: string) => string | undefined {
  const opening = `<${tag}>`;
  const closing = `</${tag}>`;
  return (text) => {
    // What a trained policy writes, without a search: one tag and nothing else.
    const close = text.length - closing.length;
    if (close >= opening.length && text.startsWith(opening) && text.indexOf('<', opening.length) === close) {
      if (text.endsWith(closing)) return text.slice(opening.length, close).trim();
    }
    return scan(text, tag);
  };
}
