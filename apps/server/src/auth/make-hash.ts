// What the command line takes from the server: making a hash, and what may stand before it.

export { hashPassword, LEAST_CHARACTERS } from './hash.ts';
export { isName } from './password-lines.ts';
