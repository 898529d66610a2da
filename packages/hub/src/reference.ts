// The name of a model on the Hub: org/name, org/name@revision, or org/name/file.gguf of a repository that holds several. A few
// old models have names of one word, such as gpt2, which the Hub itself leads on to the full ones.

/** A model on the Hub at one state of its repository; `parseReference` reads it from a text. */
export interface HubReference {
  /** org/name, or one word. */
  readonly repo: string;
  /** A branch, a tag or a commit. */
  readonly revision: string;
  /** The GGUF file that is the model. Absent: the model is the repository. */
  readonly file?: string;
}

const PART = /^[A-Za-z0-9_](?:[\w.-]{0,94}[A-Za-z0-9_])?$/;
/** Names of branches and tags; what git itself forbids, and what would leave a folder, is left out. */
const REVISION = /^[\w.+-]+(?:\/[\w.+-]+)*$/;
export const COMMIT = /^[0-9a-f]{40}$/;

/** What a text refers to, undefined where it has another form, such as a path. */
export function parseReference(text: string): HubReference | undefined {
  const [path, revision = 'main', ...rest] = text.split('@') as [string, ...string[]];
  const parts = path.split('/');
  const repo = parts.slice(0, 2);
  const [file, ...deeper] = parts.slice(2);
  if (rest.length > 0 || deeper.length > 0) return undefined;
  if (!repo.every((part) => PART.test(part) && !part.includes('..') && !part.includes('--'))) return undefined;
  if (file !== undefined && !(PART.test(file) && file.endsWith('.gguf'))) return undefined;
  if (!REVISION.test(revision) || revision.split('/').some((part) => /^\.+$/.test(part))) return undefined;
  return { repo: repo.join('/'), revision, ...(file !== undefined && { file }) };
}

/** The text that `parseReference` reads again: `org/name@revision`, without `@main`. */
export const referenceText = ({ repo, revision, file }: HubReference): string => {
  const path = file === undefined ? repo : `${repo}/${file}`;
  return revision === 'main' ? path : `${path}@${revision}`;
};
