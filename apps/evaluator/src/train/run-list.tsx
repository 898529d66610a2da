// The runs that this browser holds, with what can be done with each.

import { useState } from 'preact/hooks';
import type { DeviceChoice } from '../engine/models/library.ts';
import { Button } from '../ui/button.tsx';
import { Heads } from '../ui/figures.tsx';
import { gameTitle } from '../ui/game/game-title.ts';
import { HISTORY_TITLES } from '../ui/game/history-titles.ts';
import { bytes } from '../ui/numbers.ts';
import type { Training } from './use-training.ts';

const DATE = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short' });

/** One training at a time: while a run is trained no other can be continued. */
export function RunList({
  training: { runs, shown, working, show, goOn, download, remove },
  device,
}: {
  readonly training: Training;
  /** Where a run is continued. */
  readonly device: DeviceChoice;
}) {
  return (
    <div class="scroll">
      <table class="runs">
        <caption>Runs in this browser</caption>
        <Heads names={['Run', 'Game', 'Step', 'Saved', 'Size', 'What to do']} unseen={['What to do']} />
        <tbody>
          {runs.map(({ name, model, game, step, steps, finished, modified, bytes: size, stored }) => (
            <tr key={name}>
              <th scope="row">
                <Button class="link" aria-pressed={name === shown?.name} onClick={() => show(name)}>
                  {name}
                </Button>
                <small>from {model}</small>
              </th>
              <td>
                {gameTitle(game)}
                <small>sees {HISTORY_TITLES[game.history]}</small>
              </td>
              <td class="number">
                {step} of {steps}
                <small>{finished ? 'finished' : name === working ? 'training' : 'paused'}</small>
              </td>
              <td class="number">
                {DATE.format(modified)}
                {!stored && <small class="error">the rest is in memory</small>}
              </td>
              <td class="number">{bytes(size)}</td>
              <td>
                <div class="actions">
                  {!finished && (
                    <Button
                      aria-label={`Continue ${name}`}
                      disabled={working !== undefined}
                      onClick={() => goOn(name, device)}
                    >
                      Continue
                    </Button>
                  )}
                  <Button aria-label={`Download the model ${name}`} onClick={() => download(name, 'model')}>
                    Model
                  </Button>
                  <Button aria-label={`Download the run ${name}`} onClick={() => download(name, 'run')}>
                    Run
                  </Button>
                  <DeleteButton name={name} disabled={name === working} onDelete={() => remove(name)} />
                </div>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Asks once more. */
function DeleteButton({
  name,
  disabled,
  onDelete,
}: {
  readonly name: string;
  readonly disabled: boolean;
  readonly onDelete: () => void;
}) {
  const [sure, setSure] = useState(false);
  return (
    <Button
      class={sure ? 'danger' : ''}
      disabled={disabled}
      aria-label={sure ? `Delete ${name} for good` : `Delete ${name}`}
      onBlur={() => setSure(false)}
      onClick={() => (sure ? onDelete() : setSure(true))}
    >
      {sure ? 'For good?' : 'Delete'}
    </Button>
  );
}
