// A new training. The form is made from the schema of the request, so that it knows every setting that the server does.

import { type EnvironmentList, requestedTraining, ServiceError, startTraining, trainingFields } from '@ludic/service';
import type { TrainingRequest } from '@ludic/service/client';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { HISTORY_TITLES } from '../history-titles.ts';
import { useAsked } from './asked.ts';
import type { Board } from './board.ts';
import { FormControl } from './form-control.tsx';
import { complaintsOf, type Filled, type FormField, fieldsOf, type JsonSchema, requestOf } from './form-fields.ts';
import { sentence } from './sentences.ts';

interface ObjectSchema {
  readonly properties: Readonly<Record<string, JsonSchema>>;
  readonly required: readonly string[];
}

/** What nearly everybody decides, in this order, and what it is called here. */
const FIRST: Readonly<Record<string, string | undefined>> = {
  output_dir: 'Name of the new model',
  model_name: 'Start from',
  env_type: 'Game',
  history_strategy: 'The policy sees',
  max_steps: 'Updates',
  batch_size: 'Games of an update',
  group_size: 'Games that begin alike',
  learning_rate: 'Learning rate',
  beta: 'KL weight',
  max_completion_length: 'Longest reply',
  env_size: 'Size of the grid',
  rollout_max_steps: 'Longest game',
  eval_every: 'Evaluate every',
  seed: 'Seed',
};
/** Whose label says it all. */
const CLEAR = new Set(['env_type', 'history_strategy', 'max_steps', 'batch_size']);
/** Said elsewhere: by the door, and by the game's own settings. */
const NOT_HERE = ['password', 'env_config'];
/** Settings of games that have a field of their own, by that. */
const GAME_FIELDS: Readonly<Record<string, string>> = { env_size: 'size', rollout_max_steps: 'max_steps' };

function trainingForm(): { readonly first: readonly FormField[]; readonly further: readonly FormField[] } {
  const { $defs } = startTraining.toJSONSchema({ io: 'input' });
  const { properties, required } = $defs!.StartTraining as unknown as ObjectSchema;
  const all = fieldsOf(properties, required).filter(({ name }) => !NOT_HERE.includes(name));
  const first = Object.entries(FIRST).flatMap(([name, label]) => {
    const field = all.find((one) => one.name === name);
    return field ? [{ ...field, label: label ?? field.label, hint: CLEAR.has(name) ? undefined : field.hint }] : [];
  });
  return { first, further: all.filter(({ name }) => !Object.hasOwn(FIRST, name)) };
}

type Environment = EnvironmentList['environments'][number];

export function StartForm({
  board,
  onStarted,
  onClose,
}: {
  readonly board: Board;
  readonly onStarted: (id: string, note: string) => void;
  readonly onClose: () => void;
}) {
  const { first, further } = useMemo(trainingForm, []);
  const { value: games, trouble: unknown } = useAsked(board, 'games', undefined, (signal) =>
    board.session.prompt.environments({ signal }),
  );
  const [filled, setFilled] = useState<Filled>({ model_name: 'nano', env_type: 'tic_tac_toe' });
  const [gameFilled, setGameFilled] = useState<Filled>({});
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<unknown>();
  const form = useRef<HTMLFormElement>(null);

  const game = games?.find(({ env_type }) => env_type === filled.env_type);
  const gameProperties = propertiesOf(game);
  const gameFields = fieldsOf(gameProperties).filter(({ name }) => !Object.values(GAME_FIELDS).includes(name));
  const isShown = ({ name }: FormField) =>
    game === undefined || GAME_FIELDS[name] === undefined || Object.hasOwn(gameProperties, GAME_FIELDS[name]);
  const shownFields = [...first.filter(isShown), ...further];

  const config = requestOf(
    // What was left as it is needs no saying.
    gameFields.filter(({ name, initial }) => (gameFilled[name] ?? initial) !== initial),
    gameFilled,
  );
  const request = {
    ...requestOf(shownFields, filled),
    ...(Object.keys(config).length > 0 && { env_config: config }),
  };
  const usual = useUsual(request);

  const details = failure instanceof ServiceError ? failure.details : [];
  const complaints = complaintsOf(details.filter(({ field }) => !field.startsWith('env_config')));
  const gameComplaints = complaintsOf(details, 'env_config.');
  const aboutGame = details.find(({ field }) => field === 'env_config')?.message;
  useEffect(() => {
    if (details.length === 0) return;
    for (const wrong of form.current!.querySelectorAll('[data-wrong="true"]'))
      for (let fold = wrong.closest('details'); fold; fold = fold.parentElement?.closest('details') ?? null)
        fold.open = true;
    form.current!.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [failure]);

  const start = async () => {
    setBusy(true);
    setFailure(undefined);
    try {
      const answer = await board.session.client.startTraining(request as unknown as TrainingRequest);
      board.refresh();
      onStarted(answer.job_id, answer.message);
    } catch (error) {
      setFailure(error);
      setBusy(false);
    }
  };

  const control = (field: FormField) => (
    <FormControl
      key={field.name}
      field={field.name === 'env_type' && games ? { ...field, choices: games.map(({ env_type }) => env_type) } : field}
      value={filled[field.name] ?? field.initial}
      usual={field.isOptional ? usual[field.name] : undefined}
      offers={field.name === 'model_name' ? board.state.models.map(({ name }) => name) : undefined}
      texts={
        field.name === 'history_strategy'
          ? HISTORY_TITLES
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
      ref={form}
      class="card start"
      aria-labelledby="start-title"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (!busy) void start();
      }}
    >
      <h2 id="start-title">New training</h2>
      {unknown !== '' && <p class="trouble">{unknown}</p>}
      <div class="fields">
        {first.filter(isShown).map(control)}
        {gameFields.length > 0 && (
          <details>
            <summary>Settings of the game</summary>
            {aboutGame !== undefined && (
              <p class="trouble" data-wrong="true">
                {aboutGame}
              </p>
            )}
            <div class="fields">
              {gameFields.map((field) => (
                <FormControl
                  key={`${game?.env_type} ${field.name}`}
                  field={field}
                  value={gameFilled[field.name] ?? field.initial}
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
        <button type="button" onClick={onClose}>
          Close
        </button>
        {failure !== undefined && (
          <p class="trouble" role="alert">
            {sentence(failure, board.session)}
          </p>
        )}
      </div>
    </form>
  );
}

const propertiesOf = (game: Environment | undefined) =>
  (game?.config_schema.properties ?? {}) as Readonly<Record<string, JsonSchema>>;

/** What settings come to that are left out, as far as the rest can be used. */
function useUsual(request: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const last = useRef<Readonly<Record<string, unknown>>>({});
  // The name is the last thing that is thought of.
  const { data } = startTraining.safeParse({ output_dir: 'new', ...request });
  if (data) last.current = trainingFields(requestedTraining(data));
  return last.current;
}
