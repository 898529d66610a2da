// Which files are GGUF, by their names alone.

/** In order. */
export const ggufNames = (names: Iterable<string>): string[] =>
  [...names].filter((name) => name.endsWith('.gguf')).sort();
