// ludic games: which games there are, and what can be set in each.

import { type EnvironmentDefinition, environments, findEnvironment, type PropertySchema } from '@ludic/environments';
import { ownGames } from '@ludic/environments/node';
import { HISTORY_STRATEGIES } from '@ludic/history';
import { Command } from 'commander';
import { idsOfGames, loadOwnGame } from './game-files.ts';

export function gamesCommand(): Command {
  return new Command('games')
    .description('List the games with their settings and scripted players')
    .argument(
      '[game]',
      'Show this one alone, with an example; an id, a file such as ./my-game.ts, or a package with games',
    )
    .option('--json', 'Print JSON')
    .action(async (name: string | undefined, { json }: { json?: boolean }) => {
      if (name === undefined) for (const id of ownGames()) await loadOwnGame(id);
      const games = name === undefined ? [...environments.values()] : (await idsOfGames(name)).map(findEnvironment);
      const [first, ...others] = games;
      const isOne = name !== undefined && others.length === 0;
      if (json) return console.log(JSON.stringify(isOne ? gameJson(first!) : games.map(gameJson)));
      console.log(games.map(gameText).join('\n\n'));
      console.log(`\nWhat a policy may see (--history): ${HISTORY_STRATEGIES.join(', ')}`);
      if (name === undefined) return;
      const [setting] = Object.entries<PropertySchema>(first!.configSchema.properties);
      const config = setting ? ` --env-config '${JSON.stringify({ [setting[0]]: setting[1].default })}'` : '';
      const named = isOne ? name : `${name}#${first!.id}`;
      console.log(`Try it: evaluate --env ${named} --model nano${config}`);
    });
}

const gameJson = ({ id, title, description, replyTag, configSchema, experts }: EnvironmentDefinition) => ({
  env_type: id,
  title,
  description,
  reply_tag: replyTag,
  config_schema: configSchema,
  players: Object.keys(experts),
  history_strategies: HISTORY_STRATEGIES,
});

function gameText({ id, title, description, replyTag, configSchema, experts }: EnvironmentDefinition): string {
  const settings = Object.entries(configSchema.properties).map(
    ([name, schema]) => [name, takes(schema), schema] as const,
  );
  const width = Math.max(0, ...settings.map(([name]) => name.length));
  const wide = Math.max(0, ...settings.map(([, range]) => range.length));
  return [
    `${id}  ${title}`,
    `  ${description}`,
    '',
    '  Settings (--env-config, a JSON object)',
    ...settings.map(
      ([name, range, { description: what, default: value }]) =>
        `    ${name.padEnd(width)}  ${range.padEnd(wide)}  ${what} (default: ${value})`,
    ),
    '',
    `  Replies: <${replyTag}>…</${replyTag}>`,
    `  Scripted players (--model): ${Object.keys(experts).join(', ')}`,
  ].join('\n');
}

/** The values that a setting takes, as a phrase. */
function takes(schema: PropertySchema): string {
  if (schema.type === 'boolean') return 'true, false';
  if (schema.type === 'string') return schema.enum.join(', ');
  const { minimum, maximum } = schema;
  const kind = schema.type === 'integer' ? 'whole number' : 'number';
  if (minimum !== undefined && maximum !== undefined) return `${kind}, ${minimum} to ${maximum}`;
  return minimum === undefined ? kind : `${kind}, at least ${minimum}`;
}
