// The name of a model on the Hub: org/name, or org/name@revision. A few old models have names of one word, such as gpt2, which
// the Hub itself leads on to the full ones.

/** A model on the Hub at one state of its repository; `parseReference` reads it from a text. */
export interface HubReference {
  /** org/name, or one word. */
  readonly repo: string;
  /** A branch, a tag or a commit. */
  readonly revision: string;
}

const PART = /^[A-Za-z0-9_](?:[\w.-]{0,94}[A-Za-z0-9_])?$/;
/** Names of branches and tags; what git itself forbids, and what would leave a folder, is left out. */
const REVISION = /^[\w.+-]+(?:\/[\w.+-]+)*$/;
export const COMMIT = /^[0-9a-f]{40}$/;

/** What a text refers to, undefined where it has another form, such as a path. */
export function parseReference(text: string): HubReference | undefined {
  const [repo, revision, ...rest] = text.split('@') as [string, ...string[]];
  const parts = repo.split('/');
  if (rest.length > 0 || parts.length > 2) return undefined;
  if (!parts.every((part) => PART.test(part) && !part.includes('..') && !part.includes('--'))) return undefined;
  if (revision === undefined) return { repo, revision: 'main' };
  return REVISION.test(revision) && !revision.split('/').some((part) => /^\.+$/.test(part))
    ? { repo, revision }
    : undefined;
}

/** The text that `parseReference` reads again: `org/name@revision`, without `@main`. */
export const referenceText = ({ repo, revision }: HubReference): string =>
  revision === 'main' ? repo : `${repo}@${revision}`;
