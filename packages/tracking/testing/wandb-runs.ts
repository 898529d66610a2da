// What a W&B server holds: runs by their address, what opens them, and the stream of their files. Strict: what the true
// server would not take, or would take in another sense than meant, is Wrong.

export const WANDB_KEY = '0123456789abcdef0123456789abcdef01234567';
export const ENTITY = 'some-team';

/** What was told that the true server would not take. */
export class Wrong extends Error {}

/** The run was deleted, and its name with it. */
export class Deleted extends Error {}

export interface StoredRun {
  displayName: string;
  config: Record<string, { value: unknown }>;
  /** Lines by their place. */
  readonly history: Record<string, number>[];
  summary: Record<string, unknown>;
  /** Lines that came again for a place that had one. */
  again: number;
  /** Each exit code that it was told. */
  readonly exits: number[];
  /** Whether it was opened and has not ended since. */
  open: boolean;
  heartbeats: number;
}

export type Body = Readonly<Record<string, unknown>>;

/** The variables of the two ways to name a run. */
interface UpsertInput {
  readonly id?: string | null;
  readonly name?: string | null;
  readonly modelName?: string | null;
  readonly entityName?: string | null;
  readonly displayName?: string | null;
  readonly config?: string | null;
}

export class WandbRuns {
  /** By `entity/project/run`. */
  readonly runs = new Map<string, StoredRun>();
  readonly #deleted = new Set<string>();

  /** Deletes a run as a user does in the page: its name cannot be had again. */
  delete(path: string): void {
    this.runs.delete(path);
    this.#deleted.add(path);
  }

  upsert({ id, name: given, modelName, entityName, displayName, config: text }: UpsertInput): object {
    const [entity, project] = [needed(entityName, 'entityName'), needed(modelName, 'modelName')];
    const name = needed(given, 'name');
    if (!/^[\w-]{1,64}$/.test(name)) throw new Wrong(`name ${name}`);
    const path = `${entity}/${project}/${name}`;
    if (id && id !== idOf(path)) throw new Wrong(`id ${id} is not the one of ${path}`);
    if (this.#deleted.has(path))
      throw new Deleted(`run ${path} was previously created and deleted; try a new run name`);
    const known = this.runs.get(path);
    const config = text ? configIn(text) : (known?.config ?? {});
    const run: StoredRun = known ?? {
      displayName: displayName || name,
      config,
      history: [],
      summary: {},
      again: 0,
      exits: [],
      open: true,
      heartbeats: 0,
    };
    if (known && displayName) run.displayName = displayName;
    run.config = config;
    run.open = true;
    this.runs.set(path, run);
    return { bucket: this.#bucket(path), inserted: known === undefined };
  }

  /** A project, whose `bucket` is one of its runs. */
  project(entityName: unknown, name: unknown): object {
    const [entity, project] = [needed(entityName, 'entityName'), needed(name, 'name')];
    return {
      ...projectOf(entity, project),
      bucket: ({ name: run, missingOk }: { name: string; missingOk?: boolean }) => {
        const path = `${entity}/${project}/${run}`;
        if (this.runs.has(path)) return this.#bucket(path);
        if (missingOk) return null;
        throw new Wrong(`no run ${path}`);
      },
    };
  }

  /** Takes an update of a run's files whole, or not at all. */
  stream(path: string, body: Body): 'taken' | 'unknown' {
    const run = this.runs.get(path);
    if (!run) return 'unknown';
    // The answer to the end of a run may have been lost.
    if (!run.open && body.complete === true && body.exitcode === run.exits.at(-1) && !body.files) return 'taken';
    if (!run.open) throw new Wrong('the run is complete: it is opened again by upsertBucket alone');
    onlyKeys(body, ['files', 'complete', 'exitcode', 'dropped', 'uploaded']);
    const { complete, exitcode } = body;
    if (complete !== undefined && typeof complete !== 'boolean') throw new Wrong('complete is no truth value');
    if ((complete === true) !== Number.isInteger(exitcode))
      throw new Wrong('complete without exitcode, or the reverse');
    const files = objectOf(body.files ?? {}, 'files');
    onlyKeys(files, ['wandb-history.jsonl', 'wandb-summary.json', 'wandb-events.jsonl', 'output.log']);
    const parts = Object.entries(files).map(([name, value]) => partOf(name, value));
    for (const { name, offset, lines } of parts) {
      if (name === 'wandb-summary.json') run.summary = { ...objectIn(lines.at(-1)!, name) };
      if (name === 'wandb-history.jsonl') takeHistory(run, offset, lines);
    }
    if (parts.length === 0 && complete === undefined) run.heartbeats++;
    if (complete === true) {
      run.exits.push(exitcode as number);
      run.open = false;
    }
    return 'taken';
  }

  #bucket(path: string): object {
    const run = this.runs.get(path)!;
    const [entity, project, name] = path.split('/') as [string, string, string];
    const internal = (run.config._wandb?.value ?? {}) as Record<string, unknown>;
    return {
      id: idOf(path),
      name,
      displayName: run.displayName,
      config: JSON.stringify(run.config),
      summaryMetrics: JSON.stringify(run.summary),
      historyLineCount: run.history.length,
      logLineCount: 0,
      eventsLineCount: 0,
      historyTail: JSON.stringify(run.history.slice(-1).map((line) => JSON.stringify(line))),
      eventsTail: '[]',
      tags: [],
      wandbConfig: ({ keys = [] }: { keys?: readonly string[] }) =>
        JSON.stringify(Object.fromEntries(keys.filter((key) => key in internal).map((key) => [key, internal[key]]))),
      project: projectOf(entity, project),
    };
  }
}

export const idOf = (path: string): string => Buffer.from(`Run:v1:${path}`).toString('base64');

const projectOf = (entity: string, name: string) => ({
  id: Buffer.from(`Project:v1:${entity}/${name}`).toString('base64'),
  name,
  entity: { id: Buffer.from(`Entity:${entity}`).toString('base64'), name: entity },
});

function needed(value: unknown, what: string): string {
  if (typeof value !== 'string' || value === '') throw new Wrong(`${what} is ${JSON.stringify(value)}`);
  return value;
}

function configIn(text: string): StoredRun['config'] {
  const config = objectIn(text, 'config');
  for (const [key, value] of Object.entries(config)) {
    if (!('value' in objectOf(value, `config.${key}`))) throw new Wrong(`config.${key} has no value`);
  }
  return config as StoredRun['config'];
}

function partOf(name: string, value: unknown) {
  const part = objectOf(value, name);
  onlyKeys(part, ['offset', 'content']);
  const { offset, content } = part;
  if (!Number.isInteger(offset) || (offset as number) < 0) throw new Wrong(`${name}: offset ${offset}`);
  if (!Array.isArray(content) || content.length === 0 || !content.every((line) => typeof line === 'string')) {
    throw new Wrong(`${name}: content is no list of lines`);
  }
  return { name, offset: offset as number, lines: content as readonly string[] };
}

function takeHistory(run: StoredRun, offset: number, texts: readonly string[]): void {
  if (offset > run.history.length) throw new Wrong(`a gap: line ${offset} after ${run.history.length}`);
  for (const [i, text] of texts.entries()) {
    const line = objectIn(text, 'wandb-history.jsonl');
    for (const key of ['_step', '_runtime', '_timestamp']) {
      if (typeof line[key] !== 'number') throw new Wrong(`history has no ${key}`);
    }
    if (offset + i < run.history.length) run.again++;
    run.history[offset + i] = line as Record<string, number>;
  }
}

export function objectIn(text: string, what: string): Body {
  try {
    return objectOf(JSON.parse(text), what);
  } catch {
    throw new Wrong(`${what} is no JSON object`);
  }
}

export function objectOf(value: unknown, what: string): Body {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Wrong(`${what} is no object`);
  return value as Body;
}

export function onlyKeys(value: Body, known: readonly string[]): void {
  for (const key of Object.keys(value)) if (!known.includes(key)) throw new Wrong(`unknown field ${key}`);
}
