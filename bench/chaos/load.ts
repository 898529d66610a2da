// People at work while processes die: trainings and evaluations are submitted, games played, chats held, runs looked at.
// Each answer must be one that the service's own document has, and a connection may only break with its server.

import { setTimeout as sleep } from 'node:timers/promises';
import { type RandomStream, stream } from '../../packages/random/src/index.ts';
import { ENDPOINTS, type Endpoint, openApiDocument } from '../../packages/service/src/index.ts';
import type { ChaosServer } from './server.ts';

/** Jobs that run or wait at any time. */
const LOAD = 4;
/** Kinds of trainings, each with an undisturbed run. All but the first are shared by two processes. */
export const KINDS = 4;

export const training = (name: string, kind: number) => ({
  model_name: 'nano',
  env_type: 'tic_tac_toe',
  output_dir: name,
  learning_rate: 1e-3,
  batch_size: 32,
  group_size: 8,
  max_steps: 6,
  max_completion_length: 4,
  tensor_parallel_size: kind === 0 ? 1 : 2,
  shards: 2,
  eval_every: 2,
  eval_episodes: 40,
  save_every: 1,
  seed: kind,
});

/** All of one model in one game, so that all have one result. */
const evaluation = { model_path: 'nano', env_type: 'tic_tac_toe', eval_episodes: 300, seed: 5, async: true };

interface Answer {
  readonly status: number;
  readonly text: string;
}

export class Load {
  /** Jobs that the server has promised. */
  readonly accepted = new Set<string>();
  /** How often each request had each outcome. */
  readonly outcomes: Record<string, Record<string, number>> = {};
  readonly faults: string[] = [];
  readonly #server: ChaosServer;
  readonly #seed: number;
  readonly #documented: (name: string, status: number) => boolean;
  #submitted = 0;
  #over = false;

  constructor(server: ChaosServer, seed: number) {
    this.#server = server;
    this.#seed = seed;
    this.#documented = documentedStatuses();
  }

  /** Works until `stop`. */
  async run(): Promise<void> {
    const people = [this.#submit, this.#play, this.#play, this.#evaluate, this.#chat, this.#stream, this.#look];
    await Promise.all(
      people.map(async (work, i) => {
        const random = stream(this.#seed, 'load', i);
        while (!this.#over) {
          await work.call(this, random);
          await sleep(100 + random.nextInt(400));
        }
      }),
    );
  }

  stop(): void {
    this.#over = true;
  }

  /** Sends one training without disturbance. */
  async train(name: string, kind: number): Promise<string> {
    const answer = await this.#ask('startTraining', '/start-training', training(name, kind));
    if (answer?.status !== 202) throw new Error(`The training ${name} was not accepted: ${answer?.text}`);
    return JSON.parse(answer.text).job_id;
  }

  async #submit(random: RandomStream): Promise<void> {
    const listed = await this.#ask('jobs', '/jobs?limit=1000');
    if (listed?.status !== 200) return;
    const active = JSON.parse(listed.text).jobs.filter(({ status }: { status: string }) => !isEnd(status));
    for (let i = active.length; i < LOAD && !this.#over; i++) {
      const number = this.#submitted++;
      const kind = random.nextInt(KINDS);
      const answer =
        number % 4 === 3
          ? await this.#ask('evaluatePolicy', '/evaluate-policy', evaluation)
          : await this.#ask('startTraining', '/start-training', training(`run-${number}.${kind}`, kind));
      if (answer?.status === 202) this.accepted.add(JSON.parse(answer.text).job_id);
    }
  }

  async #play(random: RandomStream): Promise<void> {
    const model_path = this.#someModel(random);
    await this.#ask('generateRollout', '/generate-rollout', { ...GAME, model_path, seed: random.nextInt(1000) });
  }

  async #evaluate(random: RandomStream): Promise<void> {
    const model_path = this.#someModel(random);
    await this.#ask('evaluatePolicy', '/evaluate-policy', { ...GAME, model_path, eval_episodes: 40 });
  }

  async #chat(random: RandomStream): Promise<void> {
    await this.#ask('chat', '/v1/chat/completions', this.#chatRequest(random));
  }

  async #stream(random: RandomStream): Promise<void> {
    const answer = await this.#ask('chat', '/v1/chat/completions', { ...this.#chatRequest(random), stream: true });
    // A stream that has begun ends with its end or with an error, unless the connection broke.
    if (answer?.status === 200 && !/data: (\[DONE\]|\{"error")/.test(answer.text))
      this.faults.push(`a streamed chat ended with neither its end nor an error: ${answer.text.slice(-200)}`);
  }

  async #look(random: RandomStream): Promise<void> {
    await this.#ask('health', '/health-check');
    await this.#ask('models', '/models');
    const headers = { range: `bytes=${random.nextInt(1000)}-100000` };
    await this.#ask('modelFile', `/models/whole.${random.nextInt(KINDS)}/model.safetensors`, undefined, headers);
    const id = [...this.accepted].at(-1 - random.nextInt(4));
    if (id !== undefined) await this.#ask('jobMetrics', `/jobs/${id}/metrics`);
  }

  /** nano, a finished run, one in training, or one that never was. */
  #someModel(random: RandomStream): string {
    const whole = `whole.${random.nextInt(KINDS)}`;
    const fresh = `run-${Math.max(0, this.#submitted - 1 - random.nextInt(4))}.${random.nextInt(KINDS)}`;
    return ['nano', 'nano', whole, fresh][random.nextInt(4)]!;
  }

  #chatRequest(random: RandomStream): object {
    const messages = [{ role: 'user', content: 'X.O\n.X.\nO..' }];
    return { model: this.#someModel(random), messages, max_tokens: 40, seed: random.nextInt(1000) };
  }

  /** @returns undefined where the connection broke together with its server */
  async #ask(
    name: string,
    path: string,
    body?: object,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answer | undefined> {
    const { epoch, isUp } = this.#server;
    try {
      const response = await this.#server.ask(path, body, headers);
      const answer = { status: response.status, text: await response.text() };
      this.#count(name, String(answer.status));
      if (answer.status === 500 || !this.#documented(name, answer.status))
        this.faults.push(`${name} was answered with ${answer.status}: ${answer.text.slice(0, 300)}`);
      return answer;
    } catch (error) {
      const { name: kind, message, cause } = error as Error;
      if (kind !== 'TimeoutError' && (!isUp || !this.#server.isUp || this.#server.epoch !== epoch)) {
        this.#count(name, 'broken with its server');
        // Until it is here again there is no server to ask.
        while (!this.#server.isUp && !this.#over) await sleep(50);
        return undefined;
      }
      this.#count(name, 'fault');
      this.faults.push(`${name} had no answer from a server that lives: ${message} ${(cause as Error)?.message ?? ''}`);
      return undefined;
    }
  }

  #count(name: string, outcome: string): void {
    const counts = (this.outcomes[name] ??= {});
    counts[outcome] = (counts[outcome] ?? 0) + 1;
  }
}

const GAME = {
  env_type: 'tic_tac_toe',
  sampling_params: { temperature: 0.7, max_tokens: 8 },
  history_strategy: 'FULL_HISTORY',
};

export const isEnd = (status: string) => status !== 'queued' && status !== 'running';

function documentedStatuses(): (name: string, status: number) => boolean {
  const table: Readonly<Record<string, Endpoint>> = ENDPOINTS;
  const info = { title: '', version: '', description: '' };
  const { paths } = openApiDocument(Object.values(table), info) as {
    paths: Record<string, Record<string, { responses: object }>>;
  };
  return (name, status) => {
    const { path, method } = table[name]!;
    return String(status) in paths[path]![method]!.responses;
  };
}
