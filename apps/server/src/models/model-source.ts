// What a name that a client gave means: files of this server, or a model of the Hugging Face Hub.

/** The name of the model that is part of Ludic. No other has it. */
export const NANO = 'nano';

/** Where a model's files are. */
export type ModelOrigin =
  | {
      readonly from: 'store';
      readonly model: {
        /** What people know it by. */
        readonly name: string;
        readonly folder: string;
        /** A folder with an adapter that is worked into it. */
        readonly adapter?: string;
      };
    }
  /** `org/name` of the Hugging Face Hub, or one word such as `gpt2`, with `@revision` where one is meant. */
  | { readonly from: 'hub'; readonly reference: string };

/** Names that a model of the server may have, and some old ones of the Hub. With a revision it is one of the Hub. */
export const isOneWord = (path: string) => !/[/@]/.test(path);

/** What a job remembers of a name: one of the Hub stays one, whatever models of the server come and go. */
export const rememberedName = (source: ModelOrigin, path: string) =>
  source.from === 'hub' && isOneWord(path) ? `${path}@main` : path;

/** Places on this machine, and what users are shown instead. */
export function hiddenPlaces(source: ModelOrigin): readonly (readonly [string, string])[] {
  if (source.from === 'hub') return [];
  const { name, folder, adapter } = source.model;
  return [[folder, name], ...(adapter === undefined ? [] : [[adapter, `the adapter of ${name}`] as const])];
}
