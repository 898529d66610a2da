// The OpenAPI document of `ludic serve`, leaf by leaf. Descriptions are wording.

import { addJson, type Facts } from './facts.ts';
import { startService } from './service.ts';
import type { Side } from './side.ts';

const isProse = (path: string) =>
  /\.(description|summary)$/.test(path) && !/\.properties\.(description|summary)$/.test(path);

export async function openapiFacts(side: Side): Promise<Facts> {
  const facts: Facts = new Map();
  const service = await startService(side);
  try {
    const { body } = await service.ask({ method: 'GET', path: '/openapi.json' });
    addJson(facts, 'document', JSON.parse(body.toString()), isProse);
  } finally {
    await service.stop();
  }
  return facts;
}
