// Where the embedded model lies, for programs that can read folders.

/** The folder of the shipped model: Hugging Face layout. */
export const NANO_FOLDER = new URL('../model/', import.meta.url);
