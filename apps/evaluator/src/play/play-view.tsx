// A person plays: Tic-Tac-Toe against a policy, other games alone. On request the policy tells what it would do.

import type { EnvironmentSpec } from '@ludic/rollouts';
import { resolveSpec } from '@ludic/rollouts/internal';
import { useState } from 'preact/hooks';
import type { PolicyChoice } from '../engine/protocol.ts';
import { SeedField, SelectField } from '../ui/fields.tsx';
import { Alert, Form } from '../ui/form.tsx';
import { GameFields } from '../ui/game/game-fields.tsx';
import { GameNotes } from '../ui/game/game-notes.tsx';
import { lazyView, shownGames } from '../ui/game/lazy-view.tsx';
import { PolicyFields } from '../ui/game/policy-fields.tsx';
import { useGameForm } from '../ui/game/use-game-form.ts';
import { useAttempt } from '../ui/use-answer.ts';
import { DEFAULT_POLICY, DEFAULT_WATCH } from '../watch/watch-link.ts';
import { OTHER, type PlayerMark } from './two-players.ts';

/** What the form holds. */
interface PlaySpec {
  readonly game: EnvironmentSpec;
  readonly policy: PolicyChoice;
  readonly mark: PlayerMark;
  readonly seed: number;
}

const DEFAULT_PLAY: PlaySpec = { game: DEFAULT_WATCH.game, policy: DEFAULT_POLICY, mark: 'X', seed: 0 };

/** What was settled when a game began; the form may say something else by now. */
interface StartedGame extends PlaySpec {
  readonly count: number;
}

/** Of Tic-Tac-Toe: who plays the other side, which here is a person. */
const WITHOUT = ['opponent', 'epsilon'];

const TicTacToeGame = lazyView(() => shownGames().then((games) => games.TicTacToeGame));
const KeyDoorGame = lazyView(() => shownGames().then((games) => games.KeyDoorGame));
const TextGame = lazyView(() => shownGames().then((games) => games.TextGame));

/** The form stays usable while a game is played; it takes effect with the next game. */
export function PlayView() {
  const { value: spec, update, settled, changeGame, changePolicy, notes } = useGameForm<PlaySpec>(DEFAULT_PLAY);
  const { game, policy, mark, seed } = spec;
  const set = (change: Partial<PlaySpec>) => update((before) => ({ ...before, ...change }));
  const { error, attempt } = useAttempt();
  const [begun, setBegun] = useState<StartedGame>();
  const duel = game.environment === 'tic_tac_toe';
  const start = (next: PlaySpec) => setBegun({ ...next, count: (begun?.count ?? 0) + 1 });
  const begin = (wanted: PlaySpec) =>
    attempt(() => {
      // What the game refuses is told here, before anything is drawn.
      resolveSpec(wanted.game);
      start(wanted);
    });
  /** As before, with other dice; a person who played X plays O. */
  const next = () => {
    if (!begun) return;
    const duelling = begun.game.environment === 'tic_tac_toe';
    const changed = { seed: begun.seed + 1, mark: duelling ? OTHER[begun.mark] : begun.mark };
    set(changed);
    start({ ...begun, ...changed });
  };
  return (
    <>
      <Form class="card" aria-label="What to play" onSubmit={() => void settled().then(begin)}>
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
              onChange={(next) => set({ mark: next as PlayerMark })}
            />
          )}
          <PolicyFields
            label={duel ? 'Against' : 'Hints by'}
            environment={game.environment}
            policy={policy}
            onChange={changePolicy}
          />
          <SeedField
            hint={duel ? 'Random seed of the policy.' : 'Selects the game.'}
            value={seed}
            onChange={(next) => set({ seed: next })}
          />
        </div>
        <GameNotes {...notes} />
        <div class="work">
          <button type="submit" class="go">
            New game
          </button>
          <Alert text={error} />
        </div>
      </Form>
      {begun ? (
        begun.game.environment === 'tic_tac_toe' ? (
          <TicTacToeGame key={begun.count} {...begun} onNext={next} />
        ) : begun.game.environment === 'key_door' ? (
          <KeyDoorGame key={begun.count} {...begun} onNext={next} />
        ) : (
          <TextGame key={begun.count} {...begun} onNext={next} />
        )
      ) : (
        <p class="empty">Choose a game and begin. A hint shows what the policy would do in your place.</p>
      )}
    </>
  );
}
