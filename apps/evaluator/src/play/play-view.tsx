// A person plays: Tic-Tac-Toe against a policy, KeyDoor alone. On request the policy tells what it would do.

import { findEnvironment, resolveConfig } from '@ludic/environments';
import { useRef, useState } from 'preact/hooks';
import { useAppContext } from '../app-context.tsx';
import type { Game, PolicyChoice } from '../engine/protocol.ts';
import { NumberField, SelectField } from '../ui/fields.tsx';
import { GameFields } from '../ui/game/game-fields.tsx';
import { GameNotes } from '../ui/game/game-notes.tsx';
import { gameFor, NOTHING_NAMED, nameChanges, samplingFor } from '../ui/game/model-game.ts';
import { fitting, PolicyFields } from '../ui/game/policy-fields.tsx';
import { DEFAULT_POLICY, DEFAULT_WATCH } from '../watch/watch-link.ts';
import { KeyDoorGame } from './key-door-game.tsx';
import { TicTacToeGame } from './tic-tac-toe-game.tsx';
import { type Mark, OTHER } from './two-players.ts';

/** What was settled when a game began; the form may say something else by now. */
interface Begun {
  readonly count: number;
  readonly game: Game;
  readonly policy: PolicyChoice;
  readonly mark: Mark;
  readonly seed: number;
}

/** Of Tic-Tac-Toe: who plays the other side, which here is a person. */
const WITHOUT = ['opponent', 'epsilon'];
const PLAYABLE = ['tic_tac_toe', 'key_door'];

export function PlayView() {
  const [game, setGame] = useState<Game>(DEFAULT_WATCH.game);
  const [policy, setPolicy] = useState<PolicyChoice>(DEFAULT_POLICY);
  const [mark, setMark] = useState<Mark>('X');
  const [seed, setSeed] = useState(0);
  const [trouble, setTrouble] = useState('');
  const { gameOf } = useAppContext();
  const named = useRef(NOTHING_NAMED);
  /** By name: it may be another by the time that its game is known. */
  const chosen = useRef(policy.name);
  const shown = useRef(game);
  shown.current = game;
  const [begun, setBegun] = useState<Begun>();
  const duel = game.environment === 'tic_tac_toe';
  const start = (next: Omit<Begun, 'count'>) => setBegun({ ...next, count: (begun?.count ?? 0) + 1 });
  /** The game that a model was trained in is where playing it begins, and how it sampled then. */
  const bring = async (model: string, sampling: boolean) => {
    const carried = await gameOf(model);
    if (!carried || chosen.current !== model) return;
    const next = gameFor(carried, shown.current, named.current);
    setGame(next);
    if (sampling)
      setPolicy((before) => (before.kind === 'model' ? { ...before, ...samplingFor(carried, next) } : before));
  };
  const changeGame = (next: Game) => {
    named.current = nameChanges(named.current, game, next);
    setGame(next);
    setPolicy(fitting(policy, next.environment));
    if (next.environment !== game.environment && policy.kind === 'model') void bring(policy.name, false);
  };
  const changePolicy = (next: PolicyChoice) => {
    setPolicy(next);
    chosen.current = next.name;
    if (next.kind !== 'model') return;
    if (next.name !== policy.name) void bring(next.name, !named.current.sampling);
    else named.current = { ...named.current, sampling: true };
  };
  const begin = () => {
    try {
      resolveConfig(findEnvironment(game.environment), game.config);
      setTrouble('');
      start({ game, policy, mark, seed });
    } catch (error) {
      setTrouble((error as Error).message);
    }
  };
  /** As before, with other dice; a person who played X plays O. */
  const next = () => {
    if (!begun) return;
    const duelling = begun.game.environment === 'tic_tac_toe';
    const changed = { seed: begun.seed + 1, mark: duelling ? OTHER[begun.mark] : begun.mark };
    setSeed(changed.seed);
    setMark(changed.mark);
    start({ ...begun, ...changed });
  };
  return (
    <>
      <form
        class="card"
        aria-label="What to play"
        onSubmit={(event) => {
          event.preventDefault();
          begin();
        }}
      >
        <div class="fields">
          <GameFields game={game} without={WITHOUT} onChange={changeGame} />
          {duel && (
            <SelectField
              label="You are"
              value={mark}
              choices={[
                { value: 'X', text: 'X, and begin' },
                { value: 'O', text: 'O, and answer' },
              ]}
              onChange={(next) => setMark(next as Mark)}
            />
          )}
          <PolicyFields
            label={duel ? 'Against' : 'Hints by'}
            environment={game.environment}
            policy={policy}
            onChange={changePolicy}
          />
          <NumberField
            label="Seed"
            hint={duel ? "Of the policy's dice." : 'Which grid.'}
            value={seed}
            min={0}
            max={Number.MAX_SAFE_INTEGER}
            onChange={setSeed}
          />
        </div>
        <GameNotes
          players={policy.kind === 'model' ? [{ model: policy.name, game }] : []}
          onTake={(model) => {
            named.current = NOTHING_NAMED;
            void bring(model, false);
          }}
        />
        <div class="work">
          <button type="submit" class="go" disabled={!PLAYABLE.includes(game.environment)}>
            New game
          </button>
          {!PLAYABLE.includes(game.environment) && (
            <p class="trouble">{findEnvironment(game.environment).title} cannot be drawn here: choose another game.</p>
          )}
          {trouble !== '' && (
            <p class="trouble" role="alert">
              {trouble}
            </p>
          )}
        </div>
      </form>
      {begun ? (
        begun.game.environment === 'tic_tac_toe' ? (
          <TicTacToeGame key={begun.count} {...begun} onNext={next} />
        ) : (
          <KeyDoorGame key={begun.count} {...begun} onNext={next} />
        )
      ) : (
        <p class="empty">Choose a game and begin. A hint shows what the policy would do in your place.</p>
      )}
    </>
  );
}
