// Plugins in files, wherever these lie: the person who starts a program names them, and nothing else may. A file is code.

import { resolve } from 'node:path';
import { importUserFile, type UserFile } from '@ludic/io/node';
import { GrpoError } from '../../errors.ts';
import { type Plugin, registerPlugin } from '../plugin.ts';

/** A file of a plugin that was loaded. */
export interface PluginFile extends UserFile {
  readonly plugin: Plugin;
}

const loaded = new Map<string, PluginFile>();

/** All that were loaded in this process, oldest first. Workers of a run load them as well. */
export const pluginFiles = (): readonly PluginFile[] => [...loaded.values()];

/**
 * Loads a file whose default export is a `Plugin`, and registers what it has. Imports of `ludic` and `@ludic/…` in it, and in
 * what it imports, are those of `program`: it need not lie beside them.
 * @param path absolute, or from the working directory @param program URL of a module that has these packages
 * @throws GrpoError `bad_plugin`, which names the file
 */
export async function loadPlugin(path: string, program: string): Promise<Plugin> {
  const known = loaded.get(resolve(path));
  if (known) return known.plugin;
  const { file, given } = await importUserFile(path, program).catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error);
    throw new GrpoError('bad_plugin', `The plugin ${path} cannot be loaded: ${why}`, { cause: error });
  });
  // Whatever the file exports: what is no plugin is refused here.
  const plugin = given as Plugin;
  registerPlugin(plugin, { file: file.path, sha256: file.sha256 });
  loaded.set(file.path, { ...file, plugin });
  return plugin;
}
