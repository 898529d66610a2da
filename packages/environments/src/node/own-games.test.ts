import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { findEnvironment } from '../index.ts';
import { loadGameFile } from './game-files.ts';
import { ownGameFile, ownGames } from './own-games.ts';

it('finds the file of each game by its id, and knows all that are there', async () => {
  for (const id of ownGames()) {
    const { ids } = await loadGameFile(ownGameFile(id)!, import.meta.url);
    expect(ids).toEqual([id]);
    expect(findEnvironment(id).id).toBe(id);
  }
  expect(ownGameFile('key_door')).toBeUndefined();
  const games = readdirSync(new URL('../games', import.meta.url)).filter((name) => !name.includes('.test.'));
  expect(games.map((name) => name.replace('.ts', '').replaceAll('-', '_'))).toEqual(ownGames());
});

it('shows what one file can hold: none is much longer than 120 lines', () => {
  for (const id of ownGames()) expect(readFileSync(ownGameFile(id)!, 'utf8').split('\n').length).toBeLessThan(130);
});
