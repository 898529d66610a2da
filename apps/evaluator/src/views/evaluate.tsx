// How good a policy is at a game: choose, play, compare with what was played before.

import { findEnvironment } from '@ludic/environments';
import { useEffect, useRef, useState } from 'preact/hooks';
import { NumberField, SelectField } from '../components/fields.tsx';
import { GameFields } from '../components/game-fields.tsx';
import { DeviceField, PickFolder } from '../components/model-fields.tsx';
import { type Result, ResultsTable } from '../components/results-table.tsx';
import { useWork, WorkBar } from '../components/work.tsx';
import type { DeviceChoice, Game, PolicyChoice } from '../engine/protocol.ts';
import { useWorkplace } from '../workplace.tsx';

/** A policy in the list: `model nano`, `scripted expert`. */
type Choice = readonly [kind: PolicyChoice['kind'], name: string];
const write = ([kind, name]: Choice) => `${kind} ${name}`;
const read = (text: string): Choice => {
  const at = text.indexOf(' ');
  return [text.slice(0, at) as PolicyChoice['kind'], text.slice(at + 1)];
};

export function EvaluateView() {
  const { models, opened } = useWorkplace();
  const { work, run, stop } = useWork();
  const [game, setGame] = useState<Game>({ environment: 'tic_tac_toe', config: {}, history: 'NO_HISTORY' });
  const [[kind, name], setChoice] = useState<Choice>(['model', 'nano']);
  const [device, setDevice] = useState<DeviceChoice>('auto');
  const [temperature, setTemperature] = useState(1);
  const [maxCompletionLength, setMaxCompletionLength] = useState(64);
  const [episodes, setEpisodes] = useState(200);
  const [seed, setSeed] = useState(0);
  const [results, setResults] = useState<readonly Result[]>([]);
  const count = useRef(0);
  useEffect(() => {
    if (!opened) return;
    setChoice(['model', opened.model]);
    if (opened.game) setGame(opened.game);
  }, [opened]);
  const definition = findEnvironment(game.environment);
  const players = Object.keys(definition.experts);

  const changeGame = (next: Game) => {
    setGame(next);
    // Not every player plays every game.
    if (kind === 'scripted' && !Object.hasOwn(findEnvironment(next.environment).experts, name))
      setChoice(['scripted', 'expert']);
  };
  const start = async () => {
    const policy: PolicyChoice =
      kind === 'scripted' ? { kind, name } : { kind, name, device, temperature, maxCompletionLength };
    const answer = await run({ type: 'evaluate', game, policy, episodes, seed });
    if (!answer) return;
    const id = ++count.current;
    const { title } = definition;
    const result = { id, policy: name, game: title, history: game.history, seed, ...answer };
    setResults((before) => [...before, result]);
  };

  return (
    <>
      <form
        class="card"
        aria-label="What to evaluate"
        onSubmit={(event) => {
          event.preventDefault();
          void start();
        }}
      >
        <div class="fields">
          <SelectField
            label="Policy"
            value={write([kind, name])}
            choices={[
              ...models.map((model) => ({ value: write(['model', model]), text: model, group: 'Models' })),
              ...players.map((player) => ({
                value: write(['scripted', player]),
                text: player.replaceAll('_', ' '),
                group: 'Scripted players',
              })),
            ]}
            onChange={(text) => setChoice(read(text))}
          />
          <GameFields game={game} onChange={changeGame} />
          {kind === 'model' && (
            <>
              <DeviceField device={device} onChange={setDevice} />
              <NumberField
                label="Temperature"
                hint="0 takes the most likely token."
                value={temperature}
                min={0}
                step="any"
                onChange={setTemperature}
              />
              <NumberField
                label="Longest reply"
                hint="In tokens."
                value={maxCompletionLength}
                min={1}
                onChange={setMaxCompletionLength}
              />
            </>
          )}
          <NumberField label="Games" value={episodes} min={1} max={100_000} onChange={setEpisodes} />
          <NumberField
            label="Seed"
            hint="Which games: the same for all who choose it."
            value={seed}
            min={0}
            max={Number.MAX_SAFE_INTEGER}
            onChange={setSeed}
          />
          <PickFolder onPick={(model) => setChoice(['model', model])} />
        </div>
        <WorkBar work={work} start="Evaluate" stop={stop} />
      </form>
      {results.length > 0 ? (
        <div class="card">
          <ResultsTable results={results} />
        </div>
      ) : (
        <p class="empty">Every evaluation adds a row here, so that policies can be compared on the same games.</p>
      )}
    </>
  );
}
