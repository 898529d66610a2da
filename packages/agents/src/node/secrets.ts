// The names and keys of rollouts. They come from the machine, as nothing that could be computed would keep a secret.

import { createHash, randomBytes } from 'node:crypto';
import type { Secrets } from '../gateway.ts';

export const secrets: Secrets = {
  draw: () => randomBytes(16).toString('hex'),
  hash: (name) => createHash('sha256').update(name).digest('hex'),
};
