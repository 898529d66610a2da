// Games of files as the page gets them: one module of JavaScript with all that they import, save the packages of Ludic, which
// are the page's own.

import { createHash } from 'node:crypto';
import { relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PACKAGES_OF_GAMES, PACKAGES_SYMBOL } from '@ludic/environments';
import type { GameFile } from '@ludic/environments/node';
import type { BuildFailure, Plugin } from 'esbuild';
import { UsageError } from '../failure.ts';

/** A module whose default export is a list of games. */
export interface PublishedGames {
  /** Changes with the text. */
  readonly name: string;
  readonly text: string;
  /** Absolute paths of all files that are in it. */
  readonly sources: readonly string[];
}

const PACKAGES: Readonly<Record<string, object>> = PACKAGES_OF_GAMES;

/** @throws UsageError where a game needs what a page does not have */
export async function publishedGames(files: readonly GameFile[]): Promise<PublishedGames> {
  const imports = files.map(({ path }, i) => `import game${i} from ${JSON.stringify(path)};`);
  const contents = `${imports.join('\n')}\nexport default [${files.map((_, i) => `game${i}`).join(', ')}].flat();\n`;
  // It takes a while to load, and is needed here alone.
  const { build } = await import('esbuild');
  try {
    const { outputFiles, metafile } = await build({
      stdin: { contents, resolveDir: process.cwd(), sourcefile: 'games.js' },
      bundle: true,
      write: false,
      metafile: true,
      format: 'esm',
      platform: 'browser',
      target: 'es2022',
      charset: 'utf8',
      // Comments would tell visitors of folders on this machine.
      minifyWhitespace: true,
      legalComments: 'none',
      logLevel: 'silent',
      plugins: [packagesOfThePage],
    });
    const text = outputFiles[0]!.text;
    const name = `games-${createHash('sha256').update(text).digest('hex').slice(0, 12)}.js`;
    const own = new Set(['games.js', ...Object.keys(PACKAGES).map((each) => `${NAMESPACE}:${each}`)]);
    const sources = Object.keys(metafile.inputs).filter((input) => !own.has(input));
    return { name, text, sources: sources.map((path) => resolve(path)) };
  } catch (error) {
    const [first] = (error as BuildFailure).errors ?? [];
    if (!first) throw error;
    const { location, text } = first;
    const place = location ? ` (${relative(process.cwd(), location.file)}, line ${location.line})` : '';
    throw new UsageError(
      `The games cannot be published to the page: ${text}${place}. A game runs there with the game functions of ludic, and without Node.`,
    );
  }
}

const NAMESPACE = 'ludic';
const OWN = fileURLToPath(new URL('../../../../packages/', import.meta.url));

/** The page is of this version, so it has what is here. */
const packagesOfThePage: Plugin = {
  name: 'packages-of-the-page',
  setup(build) {
    build.onResolve({ filter: /^(@ludic\/|ludic$)/ }, ({ path, importer }) => {
      if (Object.hasOwn(PACKAGES, path)) return { path, namespace: NAMESPACE, sideEffects: false };
      // Games that come with Ludic are made of its files, which bring what they import.
      if (importer.startsWith(OWN)) return undefined;
      return { errors: [{ text: `The page has no ${path} for games` }] };
    });
    build.onLoad({ filter: /.*/, namespace: NAMESPACE }, ({ path }) => ({
      contents: `export const { ${Object.keys(PACKAGES[path]!).join(', ')} } = globalThis[Symbol.for('${PACKAGES_SYMBOL}')]['${path}'];`,
      loader: 'js',
    }));
  },
};
