// A form that begins a job: its fields, the settings of its game, and the server's complaints beside what they are about.

import { type EnvironmentList, type Job, ServiceError } from '@ludic/service';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Button } from '../../ui/button.tsx';
import { HISTORY_TITLES } from '../../ui/game/history-titles.ts';
import type { JsonSchema } from '../../ui/schema-field.tsx';
import type { JobsStore } from '../jobs-store.ts';
import { messageOf } from '../messages.ts';
import { usePolling } from '../use-polling.ts';
import { FormControl } from './form-control.tsx';
import { complaintsOf, type Filled, type FormField, requestOf } from './form-fields.ts';
import { gameFieldsOf, type Prefilled, RECIPE_TITLES, type RequestFields, requestForm } from './request-forms.ts';

/** A model may also carry no game; then the game's own settings hold. */
const AS_TRAINED = 'as in its training';

type EnvironmentEntry = EnvironmentList['environments'][number];

/** The server checks the request: its complaints are shown beside their fields, in parts that are opened for them. */
export function RequestForm({
  store,
  kind,
  prefilled,
  onStarted,
  onClose,
}: {
  readonly store: JobsStore;
  readonly kind: Job['kind'];
  /** What stands in it at first. */
  readonly prefilled?: Prefilled | undefined;
  readonly onStarted: (id: string, note: string) => void;
  readonly onClose: () => void;
}) {
  const form = requestForm(kind);
  const { first, further, gameFields: ownFields } = form;
  const { value: games, error: unknown } = usePolling(store, 'games', undefined, (signal) =>
    store.session.prompt.environments({ signal }),
  );
  const start = prefilled ?? form.prefilled;
  const [filled, setFilled] = useState<Filled>(start.filled);
  const [gameFilled, setGameFilled] = useState<Filled>(start.gameFilled);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<unknown>();
  const place = useRef<HTMLFormElement>(null);

  const game = games?.find(({ env_type }) => env_type === filled.env_type);
  const gameProperties = propertiesOf(game);
  const gameFields = gameFieldsOf(form, gameProperties);
  const isShown = ({ name }: FormField) =>
    game === undefined || ownFields[name] === undefined || Object.hasOwn(gameProperties, ownFields[name]);
  const shownFields = [...first.filter(isShown), ...further];

  const config = requestOf(gameFields, gameFilled);
  const request = {
    ...requestOf(shownFields, filled),
    ...(Object.keys(config).length > 0 && { env_config: config }),
  };
  const fallback = useLast(form.fallback(request));
  const isOfModel = form.leftOpen.length > 0;
  const gameFallback = (name: string) =>
    (fallback.env_config as RequestFields | undefined)?.[name] ?? gameProperties[name]?.default;

  const details = failure instanceof ServiceError ? failure.details : [];
  const complaints = complaintsOf(details, shownFields);
  const gameComplaints = complaintsOf(details, gameFields, 'env_config.');
  const aboutGame = details.find(({ field }) => field === 'env_config')?.message;
  useEffect(() => {
    if (details.length === 0) return;
    for (const wrong of place.current!.querySelectorAll('[data-wrong="true"]'))
      for (let fold = wrong.closest('details'); fold; fold = fold.parentElement?.closest('details') ?? null)
        fold.open = true;
    place.current!.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [failure]);

  const send = async () => {
    setBusy(true);
    setFailure(undefined);
    try {
      const answer = await form.start(store.session.client, request);
      store.refresh();
      onStarted(answer.job_id, answer.message);
    } catch (error) {
      setFailure(error);
      setBusy(false);
    }
  };

  const models = store.state.models.filter(({ status }) => status !== 'empty').map(({ name }) => name);
  const control = (field: FormField) => (
    <FormControl
      key={field.name}
      field={field.name === 'env_type' && games ? { ...field, choices: games.map(({ env_type }) => env_type) } : field}
      value={filled[field.name] ?? field.initial}
      fallback={field.isOptional ? fallback[field.name] : undefined}
      empty={form.leftOpen.includes(field.name) ? AS_TRAINED : undefined}
      suggestions={field.name === form.modelField ? models : undefined}
      texts={
        field.name === 'history_strategy'
          ? HISTORY_TITLES
          : field.name === 'recipe'
            ? RECIPE_TITLES
            : field.name === 'env_type'
              ? Object.fromEntries((games ?? []).map(({ env_type, title }) => [env_type, title]))
              : undefined
      }
      complaint={complaints[field.name]}
      onChange={(value) => {
        setFilled((before) => ({ ...before, [field.name]: value }));
        if (field.name === 'env_type') setGameFilled({});
      }}
    />
  );

  return (
    <form
      ref={place}
      class="card start"
      aria-labelledby="start-title"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (!busy) void send();
      }}
    >
      <h2 id="start-title">{form.title}</h2>
      {unknown !== '' && <p class="error">{unknown}</p>}
      <div class="fields">
        {first.filter(isShown).map(control)}
        {gameFields.length > 0 && (
          <details open={Object.keys(start.gameFilled).length > 0}>
            <summary>Game settings</summary>
            {aboutGame !== undefined && (
              <p class="error" data-wrong="true">
                {aboutGame}
              </p>
            )}
            <div class="fields">
              {gameFields.map((field) => (
                <FormControl
                  key={`${game?.env_type} ${field.name}`}
                  field={field}
                  value={gameFilled[field.name] ?? field.initial}
                  fallback={isOfModel ? undefined : gameFallback(field.name)}
                  empty={isOfModel ? AS_TRAINED : undefined}
                  complaint={gameComplaints[field.name]}
                  onChange={(value) => setGameFilled((before) => ({ ...before, [field.name]: value }))}
                />
              ))}
            </div>
          </details>
        )}
        <details>
          <summary>More settings</summary>
          <div class="fields">{further.map(control)}</div>
        </details>
      </div>
      <div class="buttons">
        <button type="submit" class="go" disabled={busy}>
          {busy ? 'Starting…' : 'Start'}
        </button>
        <Button onClick={onClose}>Close</Button>
        {failure !== undefined && (
          <p class="error" role="alert">
            {messageOf(failure, store.session)}
          </p>
        )}
      </div>
    </form>
  );
}

const propertiesOf = (game: EnvironmentEntry | undefined) =>
  (game?.config_schema.properties ?? {}) as Readonly<Record<string, JsonSchema>>;

/** What was known last. */
function useLast(known: RequestFields | undefined): RequestFields {
  const last = useRef<RequestFields>({});
  if (known) last.current = known;
  return last.current;
}
