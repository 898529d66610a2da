// Takes out of recorded requests what tells of the machine and its user: host, program, paths, repository, packages, key.

/** Names whose values are replaced, wherever they stand. */
const PRIVATE = new Set([
  'host',
  'program',
  'repo',
  'commit',
  'git',
  'executable',
  'root',
  'email',
  'username',
  'argv',
]);
const PATH = /(?:\/[\w.@+-]+){2,}/g;

export function scrubbed(value: unknown, name = ''): unknown {
  if (PRIVATE.has(name)) return value === null ? null : 'scrubbed';
  if (typeof value === 'string') return name === 'query' ? value : scrubbedText(value);
  if (Array.isArray(value)) return value.map((each) => scrubbed(each));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, scrubbed(inner, key)]));
}

/** Configs and lines of history are JSON inside of JSON. */
function scrubbedText(text: string): string {
  try {
    const inner: unknown = JSON.parse(text);
    if (typeof inner === 'object' && inner !== null) return JSON.stringify(scrubbed(inner));
  } catch {}
  return text.replaceAll(PATH, 'scrubbed').replaceAll(/[0-9a-f]{40,}/g, 'scrubbed');
}
