// Where the game in a form is another than the one that a model was trained in: what differs, and a way back.

import type { EnvironmentSpec } from '@ludic/rollouts';
import { useAppContext } from '../../app-context.tsx';
import { Button } from '../button.tsx';
import { useAnswer } from '../use-answer.ts';
import { differenceFrom } from './model-game.ts';

/** A model, and what it is to play. */
export interface Player {
  readonly model: string;
  readonly game: EnvironmentSpec;
}

/** A model that plays another game than it was trained in is often bad at it: the page says so beforehand. */
export function GameNotes({
  players,
  onTake,
}: {
  readonly players: readonly Player[];
  /** The game of that model is wanted after all. */
  readonly onTake: (model: string) => void;
}) {
  const { gameOf, playable } = useAppContext();
  const names = [...new Set(players.map(({ model }) => model))].filter((name) => playable.includes(name));
  const { value: known } = useAnswer(
    async () => new Map(await Promise.all(names.map(async (name) => [name, await gameOf(name)] as const))),
    [names.join('\n'), gameOf],
  );
  const notes = new Map<string, string>();
  for (const { model, game } of players) {
    const carried = known?.get(model);
    const text = carried && differenceFrom(carried, game);
    if (text !== undefined) notes.set(model, text);
  }
  return (
    <div class="game-notes" role="status">
      {[...notes].map(([model, text]) => (
        <p class="note" key={model}>
          <b>{model}</b>: {text}{' '}
          <Button class="link" onClick={() => onTake(model)}>
            Take its game
          </Button>
        </p>
      ))}
    </div>
  );
}
