// The runs that this browser holds, with what can be done with each.

import { useState } from 'preact/hooks';
import type { RunSummary } from '../engine/protocol.ts';
import { gameTitle } from '../ui/game/game-title.ts';
import { HISTORY_TITLES } from '../ui/game/history-titles.ts';
import { bytes } from '../ui/numbers.ts';

export interface RunActions {
  readonly onShow: (name: string) => void;
  readonly onContinue: (name: string) => void;
  readonly onDownload: (name: string, part: 'model' | 'run') => void;
  readonly onDelete: (name: string) => void;
}

const DATE = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short' });

export function RunList({
  runs,
  shown,
  working,
  onShow,
  onContinue,
  onDownload,
  onDelete,
}: RunActions & {
  readonly runs: readonly RunSummary[];
  /** By name. */
  readonly shown: string | undefined;
  /** The one that is trained now. */
  readonly working: string | undefined;
}) {
  return (
    <div class="scroll">
      <table class="runs">
        <caption>Runs in this browser</caption>
        <thead>
          <tr>
            <th scope="col">Run</th>
            <th scope="col">Game</th>
            <th scope="col">Step</th>
            <th scope="col">Saved</th>
            <th scope="col">Size</th>
            <th scope="col">
              <span class="unseen">What to do</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {runs.map(({ name, model, game, step, steps, finished, modified, bytes: size, stored }) => (
            <tr key={name}>
              <th scope="row">
                <button type="button" class="link" aria-pressed={name === shown} onClick={() => onShow(name)}>
                  {name}
                </button>
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
                    <button
                      type="button"
                      aria-label={`Continue ${name}`}
                      disabled={working !== undefined}
                      onClick={() => onContinue(name)}
                    >
                      Continue
                    </button>
                  )}
                  <button
                    type="button"
                    aria-label={`Download the model ${name}`}
                    onClick={() => onDownload(name, 'model')}
                  >
                    Model
                  </button>
                  <button type="button" aria-label={`Download the run ${name}`} onClick={() => onDownload(name, 'run')}>
                    Run
                  </button>
                  <DeleteButton name={name} disabled={name === working} onDelete={() => onDelete(name)} />
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
    <button
      type="button"
      class={sure ? 'danger' : ''}
      disabled={disabled}
      aria-label={sure ? `Delete ${name} for good` : `Delete ${name}`}
      onBlur={() => setSure(false)}
      onClick={() => (sure ? onDelete() : setSure(true))}
    >
      {sure ? 'For good?' : 'Delete'}
    </button>
  );
}
