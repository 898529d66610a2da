// What is trained, in which game, under which settings.

import { type ModelTraits, NANO_TRAITS, type TrainSettings } from '@ludic/grpo';
import type { EnvironmentSpec } from '@ludic/rollouts';
import type { ComponentChildren, ComponentType } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { useAppContext } from '../app-context.tsx';
import type { DeviceChoice } from '../engine/models/library.ts';
import { PickFolder } from '../models/pick-folder.tsx';
import { DeviceField } from '../ui/device-field.tsx';
import { NumberField, SelectField } from '../ui/fields.tsx';
import { Form } from '../ui/form.tsx';
import { GameFields } from '../ui/game/game-fields.tsx';
import { useAnswer } from '../ui/use-answer.ts';
import type { AdvancedProps } from './advanced-settings.tsx';
import { changedFields, gameOf, settingsFor, type TrainingChoices } from './training-settings.ts';

/** Of a step: they are played side by side, and no page has room for more. */
const MOST_GAMES = 65_536;
/** An adapter to begin with, of every linear layer. */
const ADAPTER = { rank: 8, alpha: 16, targets: [], rankStabilized: false } as const;

/** Fields that were not touched follow the defaults of the game and the model; `children` are the buttons. */
export function TrainForm({
  device,
  onDevice,
  onTrain,
  children,
}: {
  readonly device: DeviceChoice;
  readonly onDevice: (device: DeviceChoice) => void;
  readonly onTrain: (model: string, settings: TrainSettings) => void;
  readonly children: ComponentChildren;
}) {
  const { models } = useAppContext();
  const [named, setNamed] = useState<TrainingChoices>({ environment: 'tic_tac_toe', config: {}, fields: {} });
  const [model, setModel] = useState('nano');
  const settings = useDecided(named, useTraits(model));
  const float16 = useFloat16(device);
  const { lora } = settings;
  // One that was chosen may have been removed.
  useEffect(() => {
    if (!models.includes(model)) setModel('nano');
  }, [models, model]);

  /** What is changed by hand is named from then on; the rest is decided anew. */
  const change = (to: (before: TrainSettings) => TrainSettings) => {
    const fields = changedFields(settings, to(settings));
    setNamed((before) => ({ ...before, fields: { ...before.fields, ...fields } }));
  };
  const set = (part: Partial<TrainSettings>) => change((before) => ({ ...before, ...part }));
  const setAdapter = (adapter: TrainSettings['lora']) =>
    change(({ lora: _, ...before }) => ({ ...before, ...(adapter && { lora: adapter }) }));
  const changeGame = ({ environment, config, history }: EnvironmentSpec) => {
    const isSeenOtherwise = history !== settings.history;
    setNamed(({ fields }) =>
      environment === settings.environment
        ? { environment, config, fields: { ...fields, ...(isSeenOtherwise && { history }) } }
        : { environment, config: {}, fields: { history } },
    );
  };
  const number = (name: 'steps' | 'batchSize' | 'groupSize' | 'learningRate' | 'maxCompletionLength') => ({
    value: settings[name],
    onChange: (value: number) => set({ [name]: value }),
  });

  return (
    <Form
      class="card"
      aria-label="What to train"
      onSubmit={() => {
        onTrain(model, float16 ? settings : { ...settings, precision: 'float32' });
      }}
    >
      <div class="fields">
        <SelectField label="Model" value={model} choices={models} onChange={setModel} />
        <PickFolder onPick={setModel} />
        <GameFields game={gameOf(settings)} onChange={changeGame} />
        <DeviceField device={device} onChange={onDevice} />
        <SelectField
          label="Trained weights"
          hint="An adapter takes less memory and leaves the model unchanged."
          value={lora ? 'adapter' : 'model'}
          choices={[
            { value: 'model', text: 'the whole model' },
            { value: 'adapter', text: 'an adapter (LoRA)' },
          ]}
          onChange={(value) => setAdapter(value === 'adapter' ? ADAPTER : undefined)}
        />
        {lora && (
          <>
            <NumberField
              label="Rank"
              hint="Rank of the adapter: a higher rank can learn more."
              min={1}
              max={4096}
              value={lora.rank}
              onChange={(rank) =>
                // Alpha stays twice the rank unless it was set by hand.
                setAdapter({ ...lora, rank, alpha: lora.alpha === 2 * lora.rank ? 2 * rank : lora.alpha })
              }
            />
            <NumberField
              label="Alpha"
              hint="Scale of the adapter, usually twice the rank."
              min={0}
              step="any"
              value={lora.alpha}
              onChange={(alpha) => setAdapter({ ...lora, alpha })}
            />
          </>
        )}
        <NumberField label="Steps" min={1} max={100_000} {...number('steps')} />
        <NumberField
          label="Games a step"
          hint="A multiple of the group size. More games take longer and give better gradients."
          min={2}
          max={MOST_GAMES}
          {...number('batchSize')}
        />
        <NumberField
          label="Group"
          hint="Games from the same start, compared with each other."
          min={2}
          max={MOST_GAMES}
          {...number('groupSize')}
        />
        <NumberField label="Learning rate" min={0} step="any" {...number('learningRate')} />
        <NumberField
          label="KL weight"
          hint="Weight of the KL penalty towards the initial model. Decreases during training."
          min={0}
          step="any"
          value={settings.loss.beta}
          onChange={(beta) => change((before) => ({ ...before, loss: { ...before.loss, beta } }))}
        />
        <NumberField label="Longest reply" hint="In tokens." min={1} {...number('maxCompletionLength')} />
        <Advanced settings={settings} float16={float16} onChange={change} />
      </div>
      {children}
    </Form>
  );
}

/** What is known of a model; nano's traits until then. */
function useTraits(model: string): ModelTraits {
  const { engine } = useAppContext();
  // A model that cannot be read is told of when it is to be trained.
  const { value: known } = useAnswer(
    async () => ({ model, traits: await engine.ask({ type: 'traits', model }) }),
    [engine, model],
  );
  return known?.model === model ? known.traits : NANO_TRAITS;
}

/** What the game refuses is told when it is to be trained: until then the settings stay as they were. */
function useDecided(named: TrainingChoices, traits: ModelTraits): TrainSettings {
  const last = useRef<TrainSettings | undefined>(undefined);
  try {
    last.current = settingsFor(named, traits);
  } catch {
    last.current = { ...last.current!, environmentConfig: named.config };
  }
  return last.current;
}

/** Whether a device computes in float16. */
function useFloat16(device: DeviceChoice): boolean {
  const { devices } = useAppContext();
  const gpu = devices?.find((report) => report.device === 'webgpu');
  if (!gpu?.present || !gpu.float16) return false;
  return device === 'webgpu' || (device === 'auto' && !gpu.software);
}

/** Loaded when it is opened. */
function Advanced(props: AdvancedProps) {
  const [Fields, setFields] = useState<{ readonly component: ComponentType<AdvancedProps> }>();
  return (
    <details
      onToggle={({ currentTarget }) => {
        if (currentTarget.open && !Fields)
          void import('./advanced-settings.tsx').then((module) => setFields({ component: module.default }));
      }}
    >
      <summary>All settings of training</summary>
      {Fields && <Fields.component {...props} />}
    </details>
  );
}
