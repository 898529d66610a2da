// Schemas are checked without code that is made from text: the page's policy forbids it, and Firefox would say on the
// console that somebody had tried. Imported before all else.

import { config } from 'zod/v4/core';

config({ jitless: true });
