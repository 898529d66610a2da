// Which policy: a model that is here with how it samples, or a scripted player of the game.

import { findEnvironment } from '@ludic/environments';
import { useRef } from 'preact/hooks';
import { useAppContext } from '../../app-context.tsx';
import type { ModelSampling, PolicyChoice } from '../../engine/protocol.ts';
import { DEFAULT_POLICY } from '../../watch/watch-link.ts';
import { DeviceField } from '../device-field.tsx';
import { NumberField, SelectField, type SelectOption } from '../fields.tsx';
import { policyOfText, policyText } from '../link-values.ts';

/** A scripted player needs no device and no sampling, so it has no such fields. */
export function PolicyFields({
  label = 'Policy',
  hint,
  environment,
  policy,
  onChange,
}: {
  readonly label?: string;
  readonly hint?: string;
  /** Whose scripted players may be chosen. */
  readonly environment: string;
  readonly policy: PolicyChoice;
  readonly onChange: (policy: PolicyChoice) => void;
}) {
  const { playable } = useAppContext();
  // How a model samples stays while a scripted player is looked at.
  const sampling = useRef(DEFAULT_POLICY);
  if (policy.kind === 'model') sampling.current = policy;
  const choose = (text: string) => {
    const { kind, name } = policyOfText(text)!;
    onChange(kind === 'model' ? { ...sampling.current, name } : { kind, name });
  };
  const option = (name: string, group: string) => ({ value: policyText({ kind: 'model', name }), text: name, group });
  return (
    <>
      <SelectField
        label={label}
        hint={hint}
        value={policyText(policy)}
        choices={[
          ...playable.map((name) => option(name, 'Models')),
          // A link may name one that this page does not have.
          ...(policy.kind === 'model' && !playable.includes(policy.name) ? [option(policy.name, 'Not here')] : []),
          ...scriptedOptions(environment),
        ]}
        onChange={choose}
      />
      {policy.kind === 'model' && (
        <>
          <DeviceField device={policy.device} onChange={(device) => onChange({ ...policy, device })} />
          <SamplingFields sampling={policy} onChange={(change) => onChange({ ...policy, ...change })} />
        </>
      )}
    </>
  );
}

/** The scripted players of a game, for a field in which policies are chosen. */
export const scriptedOptions = (environment: string): readonly SelectOption[] =>
  Object.keys(findEnvironment(environment).experts).map((name) => ({
    value: policyText({ kind: 'scripted', name }),
    text: name.replaceAll('_', ' '),
    group: 'Scripted players',
  }));

type ReplySampling = Omit<ModelSampling, 'device'>;

/** How a model samples its replies. */
export const SamplingFields = ({
  sampling: { temperature, maxCompletionLength },
  onChange,
}: {
  readonly sampling: ReplySampling;
  readonly onChange: (change: Partial<ReplySampling>) => void;
}) => (
  <>
    <NumberField
      label="Temperature"
      hint="0 takes the most likely token."
      value={temperature}
      min={0}
      max={100}
      step="any"
      onChange={(next) => onChange({ temperature: next })}
    />
    <NumberField
      label="Longest reply"
      hint="In tokens."
      value={maxCompletionLength}
      min={1}
      max={1_000_000}
      onChange={(next) => onChange({ maxCompletionLength: next })}
    />
  </>
);
