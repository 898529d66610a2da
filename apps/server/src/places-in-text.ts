// Places of this machine in sentences: a client learns nothing of the server's folders.

import { homedir } from 'node:os';
import { fileURLToPath } from 'node:url';

/** A place, and what clients are told instead. */
type NamedPlace = readonly [place: string, name: string];

const named = new Map<string, string>();

/** From here on clients are told that name. */
export function namePlace(place: string, name: string): void {
  named.set(place, name);
}

const CACHE = "the server's cache";
/** Where the files of the Hub may lie. */
const CACHE_VARIABLES = ['HF_HUB_CACHE', 'HUGGINGFACE_HUB_CACHE', 'HF_HOME', 'XDG_CACHE_HOME'];
const PROGRAM = fileURLToPath(new URL('../../..', import.meta.url));

const knownPlaces = (): readonly NamedPlace[] => [
  ...named,
  ...CACHE_VARIABLES.map((name) => [process.env[name]?.trim() ?? '', CACHE] as const),
  [homedir(), 'the home folder'],
  [PROGRAM, 'the program'],
];

const LETTER = String.raw`\p{L}\p{M}\p{N}_`;
const NAME = `[${LETTER}.@+~-]+`;
/** Before a place there is no more of a path or an address, and no verb of HTTP. */
const BEGIN = String.raw`(?<![${LETTER}/.~\]-]|\b(?:GET|POST|DELETE) )`;

const QUOTED = new RegExp(String.raw`(?<![${LETTER}])(["'\x60])~?/(?:[^"'\x60\n/]+/)+([^"'\x60\n/]+)/?\1`, 'gu');
const CACHED = new RegExp(String.raw`\bthe cache ~?(?:/${NAME})+(?<!\.)`, 'gu');
const POSIX = new RegExp(`${BEGIN}~?(?:/${NAME}){2,}/?`, 'gu');
const WINDOWS = new RegExp(String.raw`(?<![${LETTER}])[A-Za-z]:(?:\\[${LETTER}.@+ ~-]+)+`, 'gu');

/**
 * A sentence in which places on this machine are called by their last part alone, and its own folders by what they are.
 * Addresses of the service stay.
 * @param places those that are known, which may have blanks in them. Default: the server's own
 */
export function withoutPlaces(text: string, places: readonly NamedPlace[] = knownPlaces()): string {
  let plain = text.replaceAll(/\bfile:\/\/(?=\/)/g, '');
  const longestFirst = places
    .map(([place, name]) => [place.replace(/[/\\]+$/, ''), name] as const)
    .filter(([place]) => place.length > 1 && plain.includes(place))
    .sort(([one], [other]) => other.length - one.length);
  for (const [place, name] of longestFirst)
    plain = plain.replaceAll(patternOf(place), (_, cache: string | undefined, below: string) =>
      cache !== undefined ? CACHE : below === '' ? name : lastPart(below),
    );
  return plain
    .replaceAll(QUOTED, '$1$2$1')
    .replaceAll(CACHED, CACHE)
    .replaceAll(POSIX, lastPart)
    .replaceAll(WINDOWS, lastPart);
}

/** Behind it no other name goes on; a full stop may end the sentence. */
const patternOf = (place: string) =>
  new RegExp(
    String.raw`(?:\b(the cache )|${BEGIN})${literal(place)}(?![${LETTER}@+~-]|\.[${LETTER}])((?:[/\\]${NAME}(?<!\.))*)[/\\]?`,
    'gu',
  );

const literal = (text: string) => text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&');

function lastPart(path: string): string {
  return path.split(/[/\\]/).filter(Boolean).at(-1)!;
}
