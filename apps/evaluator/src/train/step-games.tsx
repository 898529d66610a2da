// The games that a step of a run was learned from, with a way through all steps. The newest is followed until another is
// chosen.

import type { TrainSettings } from '@ludic/grpo';
import { useMemo, useState } from 'preact/hooks';
import { useAppContext } from '../app-context.tsx';
import type { StoredGames } from '../engine/runs/stored-games.ts';
import { Button } from '../ui/button.tsx';
import { SelectField } from '../ui/fields.tsx';
import { Alert } from '../ui/form.tsx';
import { useAnswer, useAttempt } from '../ui/use-answer.ts';
import { watchEpisodes } from '../watch/shown-episodes.ts';
import { GroupTable } from './group-table.tsx';
import { groupsOf, recordedOf } from './played-groups.ts';
import { gameOf } from './training-settings.ts';

/** A run that goes on adds steps: without a choice the newest is shown. */
export function StepGames({
  run,
  settings,
  stored,
  step,
  onStep,
}: {
  readonly run: string;
  readonly settings: TrainSettings;
  /** With the games of the newest step. */
  readonly stored: StoredGames;
  /** Undefined for the newest. */
  readonly step: number | undefined;
  readonly onStep: (step: number) => void;
}) {
  const { steps } = stored;
  const { games, error } = useGames(run, stored, step);
  const [chosen, choose] = useState(0);
  const { error: refusal, attempt } = useAttempt();
  const game = gameOf(settings);
  const groups = useMemo(() => groupsOf(games, game), [games]);
  const group = groups[Math.min(chosen, groups.length - 1)];
  const at = step === undefined ? steps.length - 1 : steps.findLastIndex((one) => one <= step);
  const shown = games[0]?.step ?? steps[at]!;
  const go = (to: number) => onStep(steps[Math.max(0, Math.min(steps.length - 1, to))]!);
  const watch = (member: number) =>
    attempt(() => {
      const source = `${run}, step ${shown}${groups.length > 1 ? `, group ${chosen + 1}` : ''}`;
      watchEpisodes({ source, episodes: recordedOf(group!.members, game), shown: member, model: run });
    });
  return (
    <section class="group" aria-label="Games of a step">
      <div class="group-head">
        <h3>Games of step {shown} that began alike</h3>
        {groups.length > 1 && (
          <SelectField
            label="Group"
            value={String(Math.min(chosen, groups.length - 1))}
            choices={groups.map((_, i) => ({ value: String(i), text: `${i + 1} of ${groups.length}` }))}
            onChange={(value) => choose(Number(value))}
          />
        )}
      </div>
      {steps.length > 1 && (
        <div class="steps">
          <Button aria-label="Previous step" aria-disabled={at <= 0} onClick={() => go(at - 1)}>
            ‹
          </Button>
          <input
            type="range"
            min={0}
            max={steps.length - 1}
            value={at}
            aria-label="Step whose games are shown"
            aria-valuetext={`Step ${steps[at]}`}
            onInput={({ currentTarget }) => go(currentTarget.valueAsNumber)}
          />
          <Button aria-label="Next step" aria-disabled={at >= steps.length - 1} onClick={() => go(at + 1)}>
            ›
          </Button>
          <Button aria-disabled={step === undefined} onClick={() => go(steps.length - 1)}>
            Newest
          </Button>
        </div>
      )}
      <Alert text={error || refusal} />
      {group ? (
        <GroupTable step={shown} group={group} groupSize={settings.groupSize} onWatch={watch} />
      ) : (
        <p class="hint">No games with their advantages were stored of this step.</p>
      )}
    </section>
  );
}

/** Games of an older step are asked for; until they come, those before them stay. */
function useGames(run: string, stored: StoredGames, step: number | undefined) {
  const { engine } = useAppContext();
  const { value, error } = useAnswer(
    async () => (step === undefined ? undefined : (await engine.ask({ type: 'games', run, step })).games),
    [engine, run, step],
  );
  return {
    games: (step !== undefined && value) || stored.games,
    error: error && `The games of step ${step} cannot be read: ${error}`,
  };
}
