// Reading a secret: typed without echo at a terminal, or the first line of a pipe.

import type { ReadStream } from 'node:tty';
import { UsageError } from '../failure.ts';

const MOST_BYTES = 4096;

/** The state of the input after some keys. */
type Typed =
  | { readonly kind: 'open' | 'entered'; readonly text: string; readonly rest: string }
  | { readonly kind: 'given_up' };

/**
 * Applies keys, as a terminal in raw mode sends them, to the text before them: backspace, Ctrl-U and Ctrl-W take back,
 * Enter ends, Ctrl-C and Ctrl-D give up, arrow keys and the like do nothing.
 * @returns `rest`: keys after Enter, or a sequence that is not complete yet
 */
export function typeKeys(before: string, keys: string): Typed {
  let text = before;
  for (let at = 0; at < keys.length; ) {
    const key = String.fromCodePoint(keys.codePointAt(at)!);
    at += key.length;
    if (key === '\x1b') {
      const ahead = keys.slice(at);
      if (/^(?:\[[\d;?]*|O)$/.test(ahead)) return { kind: 'open', text, rest: key + ahead };
      at += /^(?:\[[\d;?]*[@-~]|O.)/.exec(ahead)?.[0].length ?? 0;
      continue;
    }
    if (key === '\r' || key === '\n') return { kind: 'entered', text, rest: keys.slice(at) };
    if (key === '\x03' || key === '\x04') return { kind: 'given_up' };
    if (key === '\x7f' || key === '\b') text = [...text].slice(0, -1).join('');
    else if (key === '\x15' || key === '\x17') text = '';
    else if (key >= ' ') text += key;
  }
  return { kind: 'open', text, rest: '' };
}

/** Asks each question in turn at a terminal. @returns undefined when the user presses Ctrl-C */
export async function askSecrets(
  input: ReadStream,
  output: NodeJS.WritableStream,
  questions: readonly string[],
): Promise<readonly string[] | undefined> {
  const decoder = new TextDecoder();
  const answers: string[] = [];
  let keys = '';
  let isWaiting = true;
  input.setRawMode(true);
  try {
    for (const question of questions) {
      output.write(question);
      let text = '';
      for (let entered = false; !entered; ) {
        if (isWaiting) {
          const chunk = await nextChunk(input);
          keys = chunk === undefined ? '\x04' : keys + decoder.decode(chunk, { stream: true });
        }
        const typed = typeKeys(text, keys);
        if (typed.kind === 'given_up') return undefined;
        ({ text, rest: keys } = typed);
        entered = typed.kind === 'entered';
        isWaiting = !entered || keys === '';
      }
      output.write('\n');
      answers.push(text);
    }
    return answers;
  } finally {
    input.setRawMode(false);
    input.pause();
  }
}

function nextChunk(input: ReadStream): Promise<Buffer | undefined> {
  const { promise, resolve } = Promise.withResolvers<Buffer | undefined>();
  const onEnd = () => resolve(undefined);
  input.once('data', resolve).once('end', onEnd).resume();
  return promise.finally(() => {
    input.pause().off('data', resolve).off('end', onEnd);
  });
}

/** The first line of a pipe or file, without its end. */
export async function readSecretLine(input: AsyncIterable<Buffer>): Promise<string> {
  let bytes = Buffer.alloc(0);
  for await (const chunk of input) {
    bytes = Buffer.concat([bytes, chunk]);
    if (bytes.length > MOST_BYTES || bytes.includes(0x0a)) break;
  }
  const end = bytes.indexOf(0x0a);
  const line = end < 0 ? bytes : bytes.subarray(0, end);
  if (line.length > MOST_BYTES) throw new UsageError(`The line is longer than ${MOST_BYTES} bytes.`);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(line).replace(/\r$/, '');
  } catch {
    throw new UsageError('The line is no valid UTF-8.');
  }
}
