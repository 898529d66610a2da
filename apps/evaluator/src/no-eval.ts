// Schemas are checked without code that is made from text: the page's policy forbids it, and Firefox would report
// the attempt on the console. Imported before all else.

import { config } from 'zod/v4/core';

config({ jitless: true });
