// Plugins by the paths of their files, with the packages of this library.

import type { Plugin } from '@ludic/grpo';
import { loadPlugin as loadWith } from '@ludic/grpo/node';

/**
 * Loads a file whose default export is a `Plugin`, and registers its histories, advantages and losses; workers of a run load
 * it as well. Its callbacks are for `callbacks` of `runTraining`.
 * @param path absolute, or from the working directory; name none that comes from elsewhere than your program: a file is code
 * @throws GrpoError `bad_plugin`, which names the file
 */
export const loadPlugin = (path: string): Promise<Plugin> => loadWith(path, import.meta.url);
