// Files of games, good and bad, in a folder from which no package of this repository is found.

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { findEnvironment, resolveConfig } from '../index.ts';
import { gameFiles, gamePackage, isGameFile, loadGameFile } from './game-files.ts';

const folder = mkdtempSync(join(tmpdir(), 'ludic-games-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

const game = (id: string) => `{
  id: '${id}', title: 'Echo', description: 'Say what you see.', replyTag: 'say', configSchema: { type: 'object', properties: {}, additionalProperties: false },
  systemPrompt: () => 'Say it.', create: () => ({}), experts: { random: () => ({}), expert: () => ({}) },
}`;

it('registers the games of a file, once', async () => {
  const path = write('two.mjs', `export default [${game('echo_one')}, ${game('echo_two')}];`);
  const file = await loadGameFile(path, import.meta.url);
  expect(file).toMatchObject({ path, ids: ['echo_one', 'echo_two'] });
  expect(await loadGameFile(path, import.meta.url)).toBe(file);
  expect(gameFiles()).toContain(file);
  expect(findEnvironment('echo_two').systemPrompt(resolveConfig(findEnvironment('echo_two')))).toBe('Say it.');
});

it.each([
  ['it is not there', 'none.mjs', undefined, /none\.mjs cannot be played: ENOENT/],
  ['it exports something else', 'number.mjs', 'export default 5;', /must be what defineEnvironment returns/],
  ['it exports nothing', 'nothing.mjs', 'export const a = 1;', /must be what defineEnvironment returns/],
  ['one of its games is none', 'some.mjs', `export default [${game('echo_three')}, {}];`, /must be what/],
  ['it throws', 'throws.mjs', 'throw new Error("out of order");', /throws\.mjs cannot be played: out of order/],
  ['it is no program', 'text.mjs', 'export default {{', /text\.mjs cannot be played: /],
  ['its id is taken', 'taken.mjs', `export default ${game('key_door')};`, /already an environment key_door/],
  ['its id is ill-formed', 'ill.mjs', `export default ${game('Echo!')};`, /must be lower-case letters/],
])('says which file is wrong where %s', async (_, name, text, message) => {
  const path = text === undefined ? join(folder, name) : write(name, text);
  await expect(loadGameFile(path, import.meta.url)).rejects.toMatchObject({
    code: 'bad_definition',
    message: expect.stringMatching(message),
  });
});

it('is found behind a link', async () => {
  const path = write('linked.mjs', `export default ${game('echo_linked')};`);
  symlinkSync(path, join(folder, 'link.mjs'));
  expect((await loadGameFile(join(folder, 'link.mjs'), import.meta.url)).ids).toEqual(['echo_linked']);
});

it('finds a package as an import in that folder does, and no other', async () => {
  const install = (name: string, fields: object) => {
    const place = join(folder, 'node_modules', name);
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, 'package.json'), JSON.stringify({ name, type: 'module', ...fields }));
    writeFileSync(join(place, 'game.js'), `export default ${game(`of_${name.replaceAll(/\W/g, '_')}`)};`);
    return join(place, 'game.js');
  };
  const plain = install('board-games', { exports: { import: './game.js' } });
  const scoped = install('@some/games', { main: 'game.js' });
  install('closed-games', { exports: {} });
  expect(gamePackage('board-games', folder)).toBe(plain);
  expect(gamePackage('@some/games', folder)).toBe(scoped);
  expect((await loadGameFile(plain, import.meta.url)).ids).toEqual(['of_board_games']);
  for (const name of ['no-games', 'fs', 'node:fs', '../board-games', '', '#games', '.', 'file:///etc/passwd'])
    expect(gamePackage(name, folder)).toBeUndefined();
  expect(gamePackage('board-games', tmpdir())).toBeUndefined();
  expect(() => gamePackage('closed-games', folder)).toThrow(/^The package closed-games cannot be used: /);
});

it.each([
  ['key_door', false],
  ['@some/games', false],
  ['my-games', false],
  ['./my-game.ts', true],
  ['my-game.mts', true],
  ['games/one', true],
])('tells whether %s names a file', (name, expected) => {
  expect(isGameFile(name)).toBe(expected);
});
