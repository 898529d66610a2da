// What a trained model is called on a server: one plain word, whatever path a client wrote.

/** Longest name; file systems allow 255 bytes, and checkpoints are written beside their place under longer names. */
const LONGEST = 100;
const SEGMENT = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/;

/**
 * A name below the server's data folder: `/tmp/trained_model` is `tmp-trained_model`, `runs/a` is `runs-a`. Undefined
 * where nothing safe can be made of it, because of `..`, a name that begins with a dot, other characters or its length.
 */
export function modelName(path: string): string | undefined {
  const segments = path.split('/').filter((segment) => segment !== '' && segment !== '.');
  if (segments.length === 0 || !segments.every((segment) => SEGMENT.test(segment))) return undefined;
  const name = segments.join('-');
  return name.length <= LONGEST ? name : undefined;
}
