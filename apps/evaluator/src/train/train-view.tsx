// GRPO on a model in a game, in the page: runs that live in this browser, with their curves as they grow.

import { useEffect, useState } from 'preact/hooks';
import type { DeviceChoice } from '../engine/models/library.ts';
import { Alert } from '../ui/form.tsx';
import { WorkBar } from '../ui/work.tsx';
import { RunList } from './run-list.tsx';
import type { RunView } from './run-view.tsx';
import { TrainForm } from './train-form.tsx';
import { useTraining } from './use-training.ts';
import './train.css';

/** The form, the runs of this browser, and the run that is looked at. */
export function TrainView() {
  const [device, setDevice] = useState<DeviceChoice>('auto');
  const training = useTraining();
  const [View, setView] = useState<{ readonly component: typeof RunView }>();
  const [missing, setMissing] = useState(false);
  const name = training.shown?.name;
  // What draws runs is loaded with the first; a later run is another try.
  useEffect(() => {
    if (name === undefined || View) return;
    import('./run-view.tsx').then(
      (module) => setView({ component: module.RunView }),
      () => setMissing(true),
    );
  }, [name, View]);
  const { work, stop, runs, shown, summary, working, broken, done, error } = training;
  return (
    <>
      <TrainForm
        device={device}
        onDevice={setDevice}
        onTrain={(model, settings) => training.start(model, device, settings)}
      >
        <WorkBar work={work} start="Train" stopText="Pause" stop={stop} />
        {broken && !broken.finished && (
          <p>
            {broken.name} is saved up to step {broken.step}: it can be continued, on any device.
          </p>
        )}
        {done !== '' && (
          <p class="done" role="status">
            {done}
          </p>
        )}
        <Alert text={error} />
      </TrainForm>
      {runs.length > 0 && (
        <div class="card">
          <RunList training={training} device={device} />
        </div>
      )}
      {shown && View && (
        <View.component
          key={shown.name}
          run={shown}
          summary={summary}
          isWorking={working === shown.name}
          device={device}
        />
      )}
      {shown && !View && missing && (
        <Alert text="The curves of the run could not be loaded: the server of the page does not answer." />
      )}
      {!shown && runs.length === 0 && (
        <p class="empty">
          A run plays groups of games, and learns from what went better than the rest of its group. Its curves grow
          here; it is stored in this browser, and nothing leaves the page.
        </p>
      )}
    </>
  );
}
