// Passwords as argon2id hashes in PHC text (`$argon2id$v=19$m=…,t=…,p=…$salt$digest`): made, read, verified.
// Hashes of other tools are taken where they are strong enough and cost no more than a server can spend on a stranger.

import { randomBytes, timingSafeEqual } from 'node:crypto';
import { hash as argon2, argon2id } from 'argon2';
import { StartupError } from '../startup-error.ts';

/** How hashes are made: 19 MiB, two passes, one lane. OWASP's Password Storage Cheat Sheet, first choice for argon2id. */
const NEW_HASH = { memoryKiB: 19_456, passes: 2, lanes: 1, saltBytes: 16, digestBytes: 32 } as const;

/** The weakest hashes that are taken: each row [KiB, passes] is as strong as the others, says the same page. */
const STRONG_ENOUGH = [
  [47_104, 1],
  [19_456, 2],
  [12_288, 3],
  [9_216, 4],
  [7_168, 5],
] as const;
/** A verification takes this much memory at most, so that a few at once fit everywhere. */
const MOST_MEMORY_KIB = 262_144;
const MOST_PASSES = 16;
const MOST_LANES = 8;
/** The most that one verification may cost, in verifications of a hash made here. RFC 9106's second choice costs 6. */
const MOST_COST = 16;

/** NIST SP 800-63B asks for 8 characters and forbids rules about their kind. */
export const LEAST_CHARACTERS = 8;
/** In UTF-8. Longer ones are wrong unread. */
const MOST_PASSWORD_BYTES = 1024;

export interface PasswordHash {
  readonly memoryKiB: number;
  readonly passes: number;
  readonly lanes: number;
  readonly salt: Buffer;
  readonly digest: Buffer;
}

/** The same text typed on two systems is the same password: Unicode's composed form. */
const bytesOf = (password: string) => Buffer.from(password.normalize('NFC'), 'utf8');

export const isTooLong = (password: string) =>
  password.length > MOST_PASSWORD_BYTES || bytesOf(password).length > MOST_PASSWORD_BYTES;

/** @throws StartupError `bad_password` where the password must not be used */
export async function hashPassword(password: string): Promise<string> {
  const refuse = (message: string) => new StartupError('bad_password', message);
  if ([...password].length < LEAST_CHARACTERS)
    throw refuse(`A password needs at least ${LEAST_CHARACTERS} characters; several words in a row are good.`);
  if (isTooLong(password)) throw refuse(`A password may have at most ${MOST_PASSWORD_BYTES} bytes.`);
  if (/\p{Cc}/u.test(password))
    throw refuse('A password may hold no control characters such as tabs; many programs could not send it.');
  if (!password.isWellFormed() || password.includes('\u{fffd}')) throw refuse('The password is no valid UTF-8.');
  if (password.trim() !== password)
    throw refuse('A password may not begin or end with a space; an Authorization header would lose it.');
  const { memoryKiB, passes, lanes, saltBytes, digestBytes } = NEW_HASH;
  const salt = randomBytes(saltBytes);
  const digest = await derive({ memoryKiB, passes, lanes, salt, digest: Buffer.alloc(digestBytes) }, password);
  return `$argon2id$v=19$m=${memoryKiB},t=${passes},p=${lanes}$${base64(salt)}$${base64(digest)}`;
}

/** Time and memory depend on the hash, not on the password. Runs on libuv's pool. */
export async function verifyPassword(hash: PasswordHash, password: string): Promise<boolean> {
  return timingSafeEqual(await derive(hash, password), hash.digest);
}

/** The work of a verification; 1 is a hash made here. */
export const costOf = ({ memoryKiB, passes }: PasswordHash) =>
  Math.max(1, Math.round((memoryKiB * passes) / (NEW_HASH.memoryKiB * NEW_HASH.passes)));

/** A hash as costly as this one, which no password fits: what an unknown name is tried against. */
export const decoyOf = (hash: PasswordHash): PasswordHash => ({
  ...hash,
  salt: randomBytes(hash.salt.length),
  digest: randomBytes(hash.digest.length),
});

/** @throws StartupError `bad_hash`; the message never holds the text, which may be a password in the wrong place */
export function parseHash(text: string): PasswordHash {
  const refuse = (message: string) => new StartupError('bad_hash', message);
  const kind = /^\$(argon2id|argon2i|argon2d|2[abxy]?|5|6|y|scrypt|pbkdf2[\w-]*)\$/.exec(text)?.[1];
  if (kind === undefined)
    throw refuse(
      'no hash: it must begin with $argon2id$. `ludic hash-password` makes one; in a shell write it in single quotes, which keep its $ signs',
    );
  if (kind !== 'argon2id')
    throw refuse('a hash of another kind: only argon2id is taken. `ludic hash-password` makes one');
  const parts = /^\$argon2id\$v=19\$([a-z]=\d{1,9}(?:,[a-z]=\d{1,9}){2})\$([A-Za-z\d+/]+)\$([A-Za-z\d+/]+)$/.exec(text);
  if (!parts) throw refuse('a damaged hash: it must read $argon2id$v=19$m=…,t=…,p=…$salt$digest. Copy it again, whole');
  const numbers = Object.fromEntries(parts[1]!.split(',').map((each) => [each[0], Number(each.slice(2))]));
  const { m: memoryKiB, t: passes, p: lanes } = numbers;
  if (memoryKiB === undefined || passes === undefined || lanes === undefined)
    throw refuse('a damaged hash: m, t and p are each needed once. Copy it again, whole');
  if (lanes < 1 || lanes > MOST_LANES) throw refuse(`a hash with ${lanes} lanes: 1 to ${MOST_LANES} are taken`);
  if (!STRONG_ENOUGH.some(([memory, least]) => memoryKiB >= memory && passes >= least))
    throw refuse(
      `a hash that is too weak (m=${memoryKiB}, t=${passes}): at least m=${NEW_HASH.memoryKiB}, t=${NEW_HASH.passes} is wanted. \`ludic hash-password\` makes one`,
    );
  const salt = Buffer.from(parts[2]!, 'base64');
  const digest = Buffer.from(parts[3]!, 'base64');
  const hash = { memoryKiB, passes, lanes, salt, digest };
  if (memoryKiB > MOST_MEMORY_KIB || passes > MOST_PASSES || costOf(hash) > MOST_COST)
    throw refuse(
      `a hash that costs too much to verify (m=${memoryKiB}, t=${passes}): at most ${MOST_COST} times m=${NEW_HASH.memoryKiB}, t=${NEW_HASH.passes} is taken`,
    );
  if (base64(salt) !== parts[2] || base64(digest) !== parts[3])
    throw refuse('a damaged hash: its salt or digest is no base64. Copy it again, whole');
  if (salt.length < 8 || salt.length > 64) throw refuse('a hash whose salt has not 8 to 64 bytes');
  if (digest.length < 16 || digest.length > 64) throw refuse('a hash whose digest has not 16 to 64 bytes');
  return hash;
}

const derive = ({ memoryKiB, passes, lanes, salt, digest }: PasswordHash, password: string): Promise<Buffer> =>
  argon2(bytesOf(password), {
    type: argon2id,
    raw: true,
    memoryCost: memoryKiB,
    timeCost: passes,
    parallelism: lanes,
    hashLength: digest.length,
    salt,
  });

const base64 = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '');
