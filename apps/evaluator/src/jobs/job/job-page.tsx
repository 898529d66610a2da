// One job: what it is doing, what it has learned, and what can be done with it.

import { isEnd, type Job, type Model } from '@ludic/service';
import { useEffect, useRef, useState } from 'preact/hooks';
import { useAppContext } from '../../app-context.tsx';
import { isNews, type Stage } from '../../engine/protocol.ts';
import { Button } from '../../ui/button.tsx';
import { Alert } from '../../ui/form.tsx';
import { bytes } from '../../ui/numbers.ts';
import { useStore } from '../../ui/store.ts';
import { WorkStatus } from '../../ui/work.tsx';
import { evaluationOf, type Prefilled } from '../forms/request-forms.ts';
import { JobBadge, JobProgress, mannerOf, titleOf } from '../job-list.tsx';
import type { JobsStore } from '../jobs-store.ts';
import { moment, namedOwner, span } from '../messages.ts';
import { useAction } from '../use-action.ts';
import { Collapsible } from './collapsible.tsx';
import { Comparison, comparable } from './comparison.tsx';
import { Confirm, type Question } from './confirm.tsx';
import { Evaluations } from './evaluations.tsx';
import { JobCurves } from './job-curves.tsx';
import { Games } from './job-games.tsx';
import { JobLog } from './job-log.tsx';
import { gameOf, loadModel } from './open-model.ts';

/** A job with what belongs to it on the server. */
export interface JobPageProps {
  readonly store: JobsStore;
  readonly job: Job;
  /** What it trains or has trained; undefined where that is not there, or no longer. */
  readonly model: Model | undefined;
  /** What the server said when the job was begun. */
  readonly note?: string | undefined;
  /** Opens the form of an evaluation. */
  readonly onEvaluate: (prefilled: Prefilled) => void;
}

/** The whole page of a job. Its parts are folded away, because each of them asks the server. */
export function JobPage({ store, job, model, note, onEvaluate }: JobPageProps) {
  const { steps, evaluations, warnings } = useStore(store.eventsOf(job.job_id));
  const others = comparable(job, store.state.jobs ?? []);
  const warning = isEnd(job.status) ? undefined : warnings.at(-1);
  return (
    <article class="card job" aria-labelledby="job-title">
      <header>
        <h2 id="job-title">{titleOf(job)}</h2>
        <span role="status">
          <JobBadge status={job.status} />
        </span>
        <p>{storyOf(job)}</p>
      </header>
      <JobProgress job={job} />
      {job.reason !== null && (
        <p class={job.status === 'failed' ? 'banner' : 'aside'} role={job.status === 'failed' ? 'alert' : undefined}>
          {job.reason}
        </p>
      )}
      {note && job.status !== 'completed' && <p class="aside">{note}</p>}
      {warning && <p class="aside">{warning.message}</p>}
      <JobButtons store={store} job={job} model={model} onEvaluate={onEvaluate} />
      {job.kind === 'train' && <JobCurves job={job} steps={steps} evaluations={evaluations} />}
      <Evaluations job={job} evaluations={evaluations} />
      {others.length > 0 && (
        <Collapsible
          title={`Compare with ${others.length === 1 ? 'another evaluation' : `${others.length} others`} of the same games`}
        >
          <Comparison store={store} jobs={[job, ...others]} />
        </Collapsible>
      )}
      <Collapsible title="Log">
        <JobLog store={store} job={job} />
      </Collapsible>
      <Collapsible title={job.kind === 'train' ? 'Games that the trainer sampled' : 'Games'}>
        <Games store={store} job={job} />
      </Collapsible>
      <Collapsible title="Settings">
        <Settings request={job.request} />
      </Collapsible>
    </article>
  );
}

/** One sentence: what was done, by which account, and how long it took. */
function storyOf(job: Job): string {
  const { kind, env_type, model_name, created_at, started_at, ended_at, attempts, request } = job;
  const game = env_type.replaceAll('_', ' ');
  const what =
    kind === 'train'
      ? `Trained in ${game} from ${model_name}`
      : `Evaluated in ${game}, ${mannerOf(job)}, seed ${request.seed}`;
  const took =
    started_at !== null && ended_at !== null
      ? `, took ${span((Date.parse(ended_at) - Date.parse(started_at)) / 1000)}`
      : '';
  const begun = started_at === null ? `asked for ${moment(created_at)}` : `started ${moment(started_at)}`;
  const owner = namedOwner(job);
  const by = owner === undefined ? '' : ` by ${owner}`;
  return `${what}, ${begun}${by}${took}${attempts > 1 ? `, ${attempts} attempts` : ''}.`;
}

/** What can be done with the job now. What cannot be undone is asked twice. */
function JobButtons({ store, job, model, onEvaluate }: Omit<JobPageProps, 'note'>) {
  const { engine, openModel } = useAppContext();
  const { busy, error, act } = useAction(store);
  const [question, setQuestion] = useState<Question>();
  const [loading, setLoading] = useState<{ readonly progress: Stage | undefined }>();
  const [storageError, setStorageError] = useState('');
  const controller = useRef<AbortController | undefined>(undefined);
  // Signing out, or opening another job, ends the download of this model.
  useEffect(() => () => controller.current?.abort(), []);
  const { client } = store.session;
  const active = !isEnd(job.status);
  const isMade = model !== undefined && model.status !== 'empty';
  // While it is trained, its model is that of the last checkpoint.
  const isPlayable = job.kind === 'train' && (active ? job.status === 'running' : isMade);
  const isTrained = job.kind === 'train' && !active && isMade;
  const prefilled = isTrained || job.kind === 'evaluate' ? evaluationOf(job) : undefined;

  const change = (request: Promise<Job>) =>
    act(async () => {
      store.update(await request);
      store.refresh();
    });
  const remove = () =>
    act(async () => {
      await client.deleteModel(model!.name);
      await store.refreshModels();
    });
  const open = async () => {
    controller.current = new AbortController();
    setLoading({ progress: undefined });
    setStorageError('');
    const { signal } = controller.current;
    const isOpened = await act(async () => {
      const { card, error } = await loadModel(engine, store.session, job.output_dir!, {
        signal,
        onProgress: (progress) => !isNews(progress) && setLoading({ progress }),
      });
      // It can be played all the same.
      setStorageError(error ?? '');
      openModel({ model: card.name, game: gameOf(job), note: error });
    });
    setLoading(undefined);
    // The model may have been deleted on the server.
    if (!isOpened && !signal.aborted) store.refreshModels().catch(() => {});
  };

  return (
    <div class="buttons">
      {isPlayable && (
        <Button class={active ? '' : 'go'} disabled={busy} onClick={open}>
          Open in Evaluate
        </Button>
      )}
      {loading && <Button onClick={() => controller.current?.abort()}>Stop</Button>}
      {prefilled && (
        <Button onClick={() => onEvaluate(prefilled)}>
          {job.kind === 'train' ? 'Evaluate on the server' : 'Evaluate again with changes'}
        </Button>
      )}
      {active && (
        <Button
          disabled={busy}
          onClick={() =>
            setQuestion({
              title: `Cancel ${titleOf(job)}?`,
              text:
                job.kind === 'train'
                  ? 'It saves a checkpoint before it ends, and can be resumed from there.'
                  : 'An evaluation begins again from its first game when it is resumed.',
              yes: 'Cancel the job',
              onYes: () => change(client.cancelJob(job.job_id)),
            })
          }
        >
          Cancel…
        </Button>
      )}
      {(job.status === 'failed' || job.status === 'cancelled') && (
        <Button disabled={busy} onClick={() => change(client.resumeJob(job.job_id))}>
          Resume
        </Button>
      )}
      {job.kind === 'train' && !active && model && (
        <Button
          class="danger"
          disabled={busy}
          onClick={() =>
            setQuestion({
              title: `Delete ${model.name}?`,
              text: `The model, its checkpoints and its curve are removed from the server: ${bytes(model.size_bytes)} and more. This cannot be undone.`,
              yes: 'Delete the model',
              onYes: remove,
            })
          }
        >
          Delete model…
        </Button>
      )}
      {loading && <WorkStatus work={{ state: 'running', ...loading }} />}
      <span class="status" role="status">
        {storageError}
        {job.kind === 'train' && job.status === 'completed' && !model && 'Its model is no longer on the server.'}
      </span>
      <Alert text={error} />
      {question && <Confirm question={question} onClose={() => setQuestion(undefined)} />}
    </div>
  );
}

/** The request by the names of the contract. */
function Settings({ request }: Pick<Job, 'request'>) {
  return (
    <dl class="settings">
      {Object.entries(request).map(([name, value]) => (
        <div key={name}>
          <dt>{name.replaceAll('_', ' ')}</dt>
          <dd>{textOf(value)}</dd>
        </div>
      ))}
    </dl>
  );
}

/** A value of a request in words. */
function textOf(value: unknown): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (Array.isArray(value)) return value.map(textOf).join(', ') || 'none';
  if (typeof value !== 'object' || value === null) return String(value);
  const entries = Object.entries(value).map(([name, one]) => `${name.replaceAll('_', ' ')} ${textOf(one)}`);
  return entries.join(', ') || 'none';
}
