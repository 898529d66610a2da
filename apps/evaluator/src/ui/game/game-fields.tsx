// Which game, under which settings, and what the policy sees of it. The settings come from the game's own schema.

import { environments, findEnvironment } from '@ludic/environments';
import { HISTORY_STRATEGIES, type HistoryStrategy } from '@ludic/history';
import type { EnvironmentSpec } from '@ludic/rollouts';
import { SelectField } from '../fields.tsx';
import { SchemaField } from '../schema-field.tsx';
import { HISTORY_TITLES } from './history-titles.ts';

/** Another game begins with its own defaults, as settings of two games have nothing in common. */
export function GameFields({
  game,
  withHistory = true,
  without = [],
  onChange,
}: {
  readonly game: EnvironmentSpec;
  /** Whether what the policy sees is chosen here. */
  readonly withHistory?: boolean;
  /** Settings that mean nothing here. */
  readonly without?: readonly string[];
  readonly onChange: (game: EnvironmentSpec) => void;
}) {
  const { configSchema, description } = findEnvironment(game.environment);
  const set = (name: string, value: unknown) => onChange({ ...game, config: { ...game.config, [name]: value } });
  return (
    <>
      <SelectField
        label="Game"
        hint={description}
        value={game.environment}
        choices={[...environments.values()].map(({ id, title }) => ({ value: id, text: title }))}
        onChange={(environment) => onChange({ ...game, environment, config: {} })}
      />
      {withHistory && (
        <SelectField
          label="The policy sees"
          value={game.history}
          choices={HISTORY_STRATEGIES.map((value) => ({ value, text: HISTORY_TITLES[value] }))}
          onChange={(history) => onChange({ ...game, history: history as HistoryStrategy })}
        />
      )}
      <details>
        <summary>Game settings</summary>
        <div class="fields">
          {Object.entries(configSchema.properties)
            .filter(([name]) => !without.includes(name))
            .map(([name, schema]) => (
              <SchemaField
                key={`${game.environment} ${name}`}
                name={name}
                schema={schema}
                value={game.config[name] ?? schema.default}
                onChange={(value) => set(name, value)}
              />
            ))}
        </div>
      </details>
    </>
  );
}
