// Files of plugins, good and bad, in a folder from which no package of this repository is found.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { historyNames } from '@ludic/history';
import { afterAll, expect, it } from 'vitest';
import { loadPlugin, pluginFiles } from './plugin-files.ts';

const folder = mkdtempSync(join(tmpdir(), 'ludic-plugins-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}
const history = "({ observation }) => [{ role: 'user', content: observation }]";

it('registers what a file has, once, with what it imports', async () => {
  write('helper.ts', `export const history = ${history};`);
  const path = write(
    'one.ts',
    `import { history } from './helper.ts';
    export default { histories: { ONE: history }, losses: { one: { averaging: 'batch', surrogate: 'gated' } } };`,
  );
  const plugin = await loadPlugin(path, import.meta.url);
  expect(await loadPlugin(path, import.meta.url)).toBe(plugin);
  expect(historyNames()).toContain('ONE');
  expect(pluginFiles()).toMatchObject([
    { path, program: import.meta.url, plugin, sha256: expect.stringMatching(/^\w{64}$/) },
  ]);
});

it.each([
  ['it is not there', 'none.mjs', undefined, /^The plugin \S+none\.mjs cannot be loaded: ENOENT/],
  ['it throws', 'throws.mjs', 'throw new Error("out of order");', /throws\.mjs cannot be loaded: out of order/],
  ['it is no program', 'text.mjs', 'export default {{', /text\.mjs cannot be loaded: /],
  ['it exports nothing', 'nothing.mjs', 'export const a = 1;', /nothing\.mjs must be an object that has one of/],
  [
    'its name is taken',
    'taken.mjs',
    `export default { histories: { ONE: ${history} } };`,
    /the history ONE, a name that/,
  ],
])('says which file is wrong where %s', async (_, name, text, message) => {
  const path = text === undefined ? join(folder, name) : write(name, text);
  await expect(loadPlugin(path, import.meta.url)).rejects.toMatchObject({
    code: 'bad_plugin',
    message: expect.stringMatching(message),
  });
  expect(pluginFiles()).toHaveLength(1);
});
