// Numbers of the running service, in Prometheus' form.

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

interface Sources {
  readonly jobs: () => { readonly queued: number; readonly running: number };
  readonly inference: () => { readonly models: number; readonly requests: number };
}

export class Measures {
  readonly #registry = new Registry();
  readonly #requests: Counter;
  readonly #seconds: Histogram;

  constructor(sources: Sources) {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    this.#requests = new Counter({
      name: 'ludic_requests_total',
      help: 'Answered requests.',
      labelNames: ['method', 'route', 'status'],
      registers,
    });
    this.#seconds = new Histogram({
      name: 'ludic_request_seconds',
      help: 'Time until the answer began.',
      labelNames: ['method', 'route'],
      buckets: [0.005, 0.02, 0.05, 0.2, 1, 5, 30, 120],
      registers,
    });
    new Gauge({
      name: 'ludic_jobs',
      help: 'Jobs that wait or run.',
      labelNames: ['status'],
      registers,
      collect() {
        for (const [status, count] of Object.entries(sources.jobs())) this.set({ status }, count);
      },
    });
    new Gauge({
      name: 'ludic_models_loaded',
      help: 'Models in memory for evaluations, rollouts and chats.',
      registers,
      collect() {
        this.set(sources.inference().models);
      },
    });
    new Gauge({
      name: 'ludic_inference_requests',
      help: 'Evaluations, rollouts and chats that are worked on.',
      registers,
      collect() {
        this.set(sources.inference().requests);
      },
    });
  }

  /** @param route the pattern, not the address: names of models and jobs would make a series each */
  answered(method: string, route: string, status: number, seconds: number): void {
    this.#requests.inc({ method, route, status: String(status) });
    this.#seconds.observe({ method, route }, seconds);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }
}
