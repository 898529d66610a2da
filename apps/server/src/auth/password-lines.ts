// The text of a password file: one `name:hash` a line, for a person or an environment each.
// Empty lines and lines that begin with # count for nothing. What is wrong is said with the number of its line.

import { StartupError } from '../startup-error.ts';
import { costOf, type PasswordHash, parseHash } from './hash.ts';

export interface PasswordEntry {
  /** Undefined for the one password that has none. */
  readonly name?: string;
  readonly hash: PasswordHash;
}

/** Names stand in the access log and before the colon of `name:password`. */
const NAME = /^[A-Za-z\d][A-Za-z\d._@-]{0,63}$/;
/**
 * What the hashes of a file may cost together, in verifications of a hash made here: a password that comes without a
 * name is tried against each line, and that must stay below two seconds.
 */
export const MOST_COST_OF_ALL = 64;

/** @throws StartupError `bad_password_file` with the line; never with what stands in it */
export function parsePasswordLines(text: string): readonly PasswordEntry[] {
  const lineOf = new Map<string, number>();
  const entries = text
    .replace(/^\u{feff}/u, '')
    .split('\n')
    .flatMap((raw, index): PasswordEntry[] => {
      const line = raw.trim();
      if (line === '' || line.startsWith('#')) return [];
      const refuse = (message: string) => new StartupError('bad_password_file', `line ${index + 1}: ${message}.`);
      const colon = line.indexOf(':');
      if (colon < 0) throw refuse('there is no colon; a line reads name:hash');
      const name = line.slice(0, colon).trim();
      if (!isName(name))
        throw refuse(
          'a name has 1 to 64 letters, digits, dots, dashes, underscores and @, and begins with one of the first two',
        );
      const first = lineOf.get(name);
      if (first !== undefined) throw refuse(`${name} is named on line ${first} already`);
      lineOf.set(name, index + 1);
      try {
        return [{ name, hash: parseHash(line.slice(colon + 1).trim()) }];
      } catch (error) {
        throw refuse(`${name} has ${(error as Error).message}`);
      }
    });
  if (entries.length === 0) throw new StartupError('bad_password_file', 'there is no line with name:hash.');
  const cost = entries.reduce((sum, { hash }) => sum + costOf(hash), 0);
  if (cost > MOST_COST_OF_ALL)
    throw new StartupError(
      'bad_password_file',
      `${entries.length} hashes cost ${cost} units to verify, and ${MOST_COST_OF_ALL} is the most. Hashes of \`ludic hash-password\` cost 1 each.`,
    );
  return entries;
}

/** The value of LUDIC_PASSWORD_HASH: a hash, or `name:hash`. */
export function parsePasswordVariable(text: string): PasswordEntry {
  const line = text.trim();
  const colon = line.startsWith('$') ? -1 : line.indexOf(':');
  const name = line.slice(0, Math.max(0, colon)).trim();
  try {
    if (colon >= 0 && !isName(name)) throw new Error('a name that is none');
    return { ...(colon >= 0 && { name }), hash: parseHash(line.slice(colon + 1).trim()) };
  } catch (error) {
    throw new StartupError('bad_hash', `LUDIC_PASSWORD_HASH is ${(error as Error).message}.`);
  }
}

export const isName = (text: string) => NAME.test(text);
