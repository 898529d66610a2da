// The memory that a policy writes for itself: the text of `<scratchpad>…</scratchpad>` in its replies.

import type { PastTurn } from './contract.ts';

/** How many characters of a scratchpad are kept, so that a reply that runs on does not fill the prompts after it. */
export const SCRATCHPAD_LIMIT = 400;

// White space inside a tag is bounded: so a reply of nothing but spaces is still read in linear time.
const TAG = /<\s{0,8}(\/?)\s{0,8}scratchpad\s{0,8}>/gi;

/** Text cut to the limit, never in the middle of a surrogate pair. */
function cut(text: string): string {
  const kept = text.slice(0, SCRATCHPAD_LIMIT);
  return (text.length > kept.length ? kept.replace(/[\ud800-\udbff]$/, '') : kept).trim();
}

/**
 * The scratchpad that a reply writes: the content of its last complete tag; where none is complete, what follows the last
 * opening one up to the next tag (a reply cut off by the token limit); undefined where there is no tag.
 */
export function readScratchpad(reply: string): string | undefined {
  let complete: string | undefined;
  let open = -1;
  let lastOpen = -1;
  for (const match of reply.matchAll(TAG)) {
    if (match[1] === '') {
      open = match.index + match[0].length;
      lastOpen = open;
    } else if (open >= 0) {
      complete = reply.slice(open, match.index);
      open = -1;
    }
  }
  if (complete !== undefined) return cut(complete.trim());
  if (lastOpen < 0) return undefined;
  const next = reply.indexOf('<', lastOpen);
  return cut(reply.slice(lastOpen, next < 0 ? undefined : next).trim());
}

/** The latest scratchpad of an episode; empty before the first. A reply without one keeps the one before. */
export function currentScratchpad(turns: readonly PastTurn[]): string {
  for (let i = turns.length - 1; i >= 0; i--) {
    const text = readScratchpad(turns[i]!.reply);
    if (text !== undefined) return text;
  }
  return '';
}
