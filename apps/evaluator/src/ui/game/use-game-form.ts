// A form with one game and one policy. A model that is chosen brings the game that it was trained in and how it sampled
// then, except for what the visitor has chosen by hand.

import type { EnvironmentSpec } from '@ludic/rollouts';
import { useRef } from 'preact/hooks';
import { useAppContext } from '../../app-context.tsx';
import type { PolicyChoice } from '../../engine/protocol.ts';
import { useFormState } from '../use-form-state.ts';
import { fittingPolicy, gameFor, NO_CHOICES, noteChoices, samplingFor } from './model-game.ts';

/** @param initial what the form holds at first, with anything else that belongs to it */
export function useGameForm<T extends { readonly game: EnvironmentSpec; readonly policy: PolicyChoice }>(initial: T) {
  const { gameOf } = useAppContext();
  const { value, update, expect, settled } = useFormState(initial);
  const choices = useRef(NO_CHOICES);
  const takeGameOf = (model: string, sampling: boolean) =>
    expect(
      gameOf(model).then((carried) => (before) => {
        // Another policy may have been chosen meanwhile.
        if (!carried || before.policy.kind !== 'model' || before.policy.name !== model) return before;
        const game = gameFor(carried, before.game, choices.current);
        return { ...before, game, policy: { ...before.policy, ...(sampling && samplingFor(carried, game)) } };
      }),
    );
  const changeGame = (next: EnvironmentSpec) => {
    const { game, policy } = value;
    choices.current = noteChoices(choices.current, game, next);
    update((before) => ({ ...before, game: next, policy: fittingPolicy(policy, next.environment) }));
    if (next.environment !== game.environment && policy.kind === 'model') takeGameOf(policy.name, false);
  };
  const changePolicy = (next: PolicyChoice) => {
    const { policy } = value;
    update((before) => ({ ...before, policy: next }));
    if (next.kind !== 'model') return;
    if (next.name !== policy.name) takeGameOf(next.name, !choices.current.sampling);
    else choices.current = { ...choices.current, sampling: true };
  };
  /** For `GameNotes`: the model, and a way back to its game. */
  const notes = {
    players: value.policy.kind === 'model' ? [{ model: value.policy.name, game: value.game }] : [],
    onTake(model: string) {
      choices.current = NO_CHOICES;
      takeGameOf(model, false);
    },
  };
  return { value, update, settled, choices, changeGame, changePolicy, notes };
}
