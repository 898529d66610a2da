// GRPO on a model in a game, in the page, with its curve as it grows.

import { DEFAULT_TRAINING, type StepMetrics, type TrainSettings } from '@ludic/grpo';
import { useState } from 'preact/hooks';
import { Curve } from '../components/curve.tsx';
import { NumberField, SelectField } from '../components/fields.tsx';
import { GameFields } from '../components/game-fields.tsx';
import { DeviceField } from '../components/model-fields.tsx';
import { useWork, WorkBar } from '../components/work.tsx';
import type { DeviceChoice, Game } from '../engine/protocol.ts';
import { duration, percent } from '../numbers.ts';
import { useWorkplace } from '../workplace.tsx';

/** What makes nano learn in a page within minutes: small batches, held near legal play at first. */
const FIRST = { steps: 60, batchSize: 256, groupSize: 32, learningRate: 2e-3, beta: 0.2, maxCompletionLength: 4 };
/** Without a price, replies that the game refuses are better than losing. */
const INVALID_PENALTY = 0.3;
const FINAL_EXPLORATION = 0.2;

const gameOf = (game: Game): Game => ({ ...game, config: { invalid_penalty: INVALID_PENALTY, ...game.config } });

export function TrainView() {
  const { models, addModel } = useWorkplace();
  const { work, run, stop } = useWork();
  const [game, setGame] = useState<Game>(gameOf({ environment: 'tic_tac_toe', config: {}, history: 'NO_HISTORY' }));
  const [model, setModel] = useState('nano');
  const [device, setDevice] = useState<DeviceChoice>('auto');
  const [numbers, setNumbers] = useState({ ...FIRST, seed: 0 });
  const [metrics, setMetrics] = useState<readonly StepMetrics[]>([]);
  const [done, setDone] = useState('');

  const start = async () => {
    const { beta, ...simple } = numbers;
    const settings: TrainSettings = {
      ...DEFAULT_TRAINING,
      ...simple,
      environment: game.environment,
      environmentConfig: game.config,
      history: game.history,
      finalExploration: FINAL_EXPLORATION,
      loss: { ...DEFAULT_TRAINING.loss, beta },
    };
    setMetrics([]);
    setDone('');
    const saveAs = nameFor(model, models);
    const answer = await run({ type: 'train', model, device, settings, saveAs }, (progress) => {
      if (progress.stage === 'learned') setMetrics((before) => [...before, progress.metrics]);
    });
    if (!answer) return;
    addModel(answer.name);
    setDone(
      `${answer.steps} steps in ${duration(answer.seconds)}. The model is ${answer.name} now, among the policies.`,
    );
  };
  const number = (name: keyof typeof numbers) => ({
    value: numbers[name],
    onChange: (value: number) => setNumbers((before) => ({ ...before, [name]: value })),
  });

  return (
    <>
      <form
        class="card"
        aria-label="What to train"
        onSubmit={(event) => {
          event.preventDefault();
          void start();
        }}
      >
        <div class="fields">
          <SelectField
            label="Model"
            value={model}
            choices={models.map((name) => ({ value: name, text: name }))}
            onChange={setModel}
          />
          <GameFields game={game} onChange={(next) => setGame(gameOf(next))} />
          <DeviceField device={device} onChange={setDevice} />
          <NumberField label="Steps" min={1} max={100_000} {...number('steps')} />
          <NumberField label="Games a step" hint="A multiple of the group." min={2} {...number('batchSize')} />
          <NumberField label="Group" hint="Games that begin alike." min={2} {...number('groupSize')} />
          <NumberField label="Learning rate" min={0} step="any" {...number('learningRate')} />
          <NumberField
            label="KL weight"
            hint="Holds the policy near its first model, less and less."
            min={0}
            step="any"
            {...number('beta')}
          />
          <NumberField label="Longest reply" hint="In tokens." min={1} {...number('maxCompletionLength')} />
          <NumberField label="Seed" min={0} max={Number.MAX_SAFE_INTEGER} {...number('seed')} />
        </div>
        <WorkBar work={work} start="Train" stop={stop} />
        {done !== '' && <p role="status">{done}</p>}
      </form>
      {metrics.length > 0 ? (
        <div class="card">
          <Curves metrics={metrics} />
        </div>
      ) : (
        <p class="empty">The curve grows here while the model plays and learns. Nothing leaves this page.</p>
      )}
    </>
  );
}

function Curves({ metrics }: { readonly metrics: readonly StepMetrics[] }) {
  const steps = metrics.map(({ step }) => step);
  const last = metrics.at(-1)!;
  const pick = (name: 'reward' | 'successRate' | 'invalidRate' | 'entropy') => metrics.map((step) => step[name]);
  return (
    <>
      <div class="curves">
        <Curve title="Reward" steps={steps} series={[{ label: 'reward', color: 'series-1', values: pick('reward') }]} />
        <Curve
          title="Success and invalid replies"
          steps={steps}
          series={[
            { label: 'success', color: 'series-2', values: pick('successRate') },
            { label: 'invalid', color: 'series-3', values: pick('invalidRate') },
          ]}
        />
      </div>
      <dl class="numbers">
        <Figure name="Step" value={String(last.step)} />
        <Figure name="Reward" value={last.reward.toFixed(3)} />
        <Figure name="Success" value={percent(last.successRate)} />
        <Figure name="Invalid" value={percent(last.invalidRate)} />
        <Figure name="Entropy" value={last.entropy.toFixed(3)} />
        <Figure name="Gradient norm" value={last.gradientNorm.toFixed(2)} />
        <Figure name="Largest |log ratio|" value={last.maxLogRatio.toExponential(1)} />
      </dl>
    </>
  );
}

const Figure = ({ name, value }: { readonly name: string; readonly value: string }) => (
  <div>
    <dt>{name}</dt>
    <dd>{value}</dd>
  </div>
);

/** `nano trained`, `nano trained 2`: a name that is free. */
function nameFor(model: string, taken: readonly string[]): string {
  const base = `${model.replace(/ trained( \d+)?$/, '')} trained`;
  for (let i = 1; ; i++) {
    const name = i === 1 ? base : `${base} ${i}`;
    if (!taken.includes(name)) return name;
  }
}
