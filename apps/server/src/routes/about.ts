// What the service says of itself: health, games, numbers for Prometheus.

import { environments } from '@ludic/environments';
import { ENDPOINTS } from '@ludic/service';
import type { Hono } from 'hono';
import { AGENT } from '../jobs/agent-tasks.ts';
import type { Jobs } from '../jobs/jobs.ts';
import type { Measures } from '../measures.ts';
import { type Caller, register } from './register.ts';

export interface About {
  readonly version: string;
  /** Where models run. */
  readonly device: string;
  readonly gpuAvailable: boolean;
  /** Seconds since the start. */
  readonly uptime: () => number;
}

export function aboutRoutes(app: Hono<Caller>, about: About, jobs: Jobs, measures: Measures): void {
  register(app, ENDPOINTS.health, ({ context }) =>
    context.json({
      status: 'healthy',
      service: 'ludic',
      version: about.version,
      gpu_available: about.gpuAvailable,
      device: about.device,
      uptime_s: Math.round(about.uptime() * 10) / 10,
      jobs: jobs.counts(),
    }),
  );

  register(app, ENDPOINTS.environments, ({ context }) =>
    context.json({
      environments: [...environments.values()]
        .filter(({ id }) => id !== AGENT)
        .map(({ id, title, description, configSchema }) => ({
          env_type: id,
          title,
          description,
          config_schema: configSchema,
        })),
    }),
  );

  register(app, ENDPOINTS.metrics, async ({ context }) =>
    context.body(await measures.text(), 200, { 'Content-Type': measures.contentType }),
  );
}
