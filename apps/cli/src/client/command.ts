// ludic client: calls a Ludic server from the command line. The options are the fields of the service's requests.

import { DEFAULT_FIELDS } from '@ludic/grpo/internal';
import { Command, InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import { UsageError } from '../failure.ts';
import { bareOption, fallbackOf, flagOf, parseField } from '../options/fields.ts';
import { whole } from '../options/input.ts';
import { ACTION_NAMES, ACTIONS, type Action, type ActionName } from './actions.ts';
import { addressesOf, type ConnectOptions, connect, GivenUp, passwordFor } from './connect.ts';

interface ClientOptions extends ConnectOptions {
  readonly action: ActionName;
  readonly json?: boolean;
}

const NOTE = `
The password comes from LUDIC_PASSWORD, from --password, or is asked for without echo. LUDIC_PASSWORD is safer: others on
this machine can read command lines.

Actions:
${ACTION_NAMES.map((name) => `  ${name.padEnd(14)}${ACTIONS[name].summary}`).join('\n')}`;

export function clientCommand(): Command {
  const command = new Command('client')
    .description('Call a Ludic server over HTTP')
    .addOption(new Option('--action <name>', 'Call to make').choices(ACTION_NAMES).makeOptionMandatory())
    .addOption(
      new Option(
        '--base-url <url>',
        'Address of the server; a bare word is a Modal workspace and stands for its two deployments',
      ).env('LUDIC_BASE_URL'),
    )
    .option('--password <password>', 'Password of the service; better given as LUDIC_PASSWORD')
    .option('--allow-http', 'Send the password unencrypted to another machine')
    .option('--timeout <s>', 'Seconds to wait for an answer (default: 30; for games 630)', whole(1))
    .option('--json', 'Print the answer as JSON')
    .addHelpText('after', NOTE);
  for (const option of fieldsOfAll()) command.addOption(option);
  return command.action((options: ClientOptions) => run(command, options));
}

async function run(command: Command, { action: name, ...options }: ClientOptions): Promise<void> {
  const action: Action = ACTIONS[name];
  const given = valuesOf(command, name);
  const addresses = addressesOf(options.baseUrl);
  const address = addresses[action.purpose];
  const server = command.getOptionValueSource('baseUrl') === 'cli' ? `--base-url ${options.baseUrl} ` : '';
  // Checks the address before asking for a password.
  connect(address, options, undefined);
  try {
    const password = action.open
      ? undefined
      : await passwordFor(options.password ?? process.env.LUDIC_PASSWORD, address);
    const clientOf = (at: string) => connect(at, options, password);
    await action.run({
      client: clientOf(address),
      addresses,
      clientOf,
      given,
      json: options.json ?? false,
      again: (other, id) => `npm run ludic -- client ${server}--action ${other} --job-id ${id}`,
    });
  } catch (error) {
    if (!(error instanceof GivenUp)) throw error;
    process.stderr.write('\n');
    process.exitCode = 130;
  }
}

interface Use {
  readonly actions: ActionName[];
  readonly schema: z.ZodType;
  readonly text: string;
}

/** Each field with the actions that take it; actions with the same meaning share a use. */
function usesOfFields(): ReadonlyMap<string, readonly Use[]> {
  const uses = new Map<string, Use[]>();
  for (const action of ACTION_NAMES) {
    for (const [name, schema] of Object.entries<z.ZodType>(ACTIONS[action].fields)) {
      const text = describe(name, schema, OWN[action]?.[name]);
      const known = uses.get(name) ?? [];
      const same = known.find((use) => use.text === text);
      if (same) same.actions.push(action);
      else uses.set(name, [...known, { actions: [action], schema, text }]);
    }
  }
  return uses;
}

/** Defaults of a training; the group size follows from the batch. */
const { group_size: _, ...LIBRARY }: Readonly<Record<string, unknown>> = DEFAULT_FIELDS;

/** Defaults of an action that differ from the schema's. */
const OWN: Readonly<Partial<Record<ActionName, Readonly<Record<string, unknown>>>>> = {
  train: LIBRARY,
  // The client evaluates a model's most likely replies.
  evaluate: { temperature: 0 },
};

function describe(name: string, schema: z.ZodType, own: unknown): string {
  const { description } = bareOption(name, schema);
  const choices = choicesOf(schema);
  const fallback = own ?? fallbackOf(schema);
  const more = [
    ...(choices ? [`choices: ${choices.join(', ')}`] : []),
    ...(fallback === undefined || fallback === false || isEmpty(fallback) ? [] : [`default: ${fallback}`]),
  ];
  return more.length === 0 ? description : `${description} (${more.join('; ')})`;
}

const isEmpty = (value: unknown) => typeof value === 'object' && value !== null && Object.keys(value).length === 0;

function choicesOf(schema: z.ZodType): readonly string[] | undefined {
  const { enum: own, items } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  const choices = own ?? (items as { readonly enum?: readonly unknown[] } | undefined)?.enum;
  return choices?.map(String);
}

/** Values are parsed when the action is known, because some options mean different things to different actions. */
function fieldsOfAll(): readonly Option[] {
  return [...usesOfFields()].map(([name, uses]) => {
    const option = bareOption(name, uses[0]!.schema);
    option.description =
      uses.length === 1 ? uses[0]!.text : uses.map((use) => `${use.actions.join(', ')}: ${use.text}`).join('; ');
    return option.helpGroup(`Options of ${uses.flatMap((use) => use.actions).join(', ')}:`);
  });
}

/** The given values of this action. An option of another action is refused. */
function valuesOf(command: Command, name: ActionName): Record<string, unknown> {
  const { fields }: Action = ACTIONS[name];
  const values: Record<string, unknown> = {};
  for (const [field, uses] of usesOfFields()) {
    const option = command.options.find(({ long }) => long === flagOf(field))!;
    if (command.getOptionValueSource(option.attributeName()) !== 'cli') continue;
    const schema = fields[field];
    if (schema === undefined) {
      const actions = uses.flatMap((use) => use.actions).join(', ');
      throw new UsageError(`${option.long} is an option of ${actions}; ${name} has no use for it.`);
    }
    const value: unknown = command.getOptionValue(option.attributeName());
    // Which games there are the server knows: it may have been started with files of its own.
    const isAsGiven = typeof value !== 'string' || field === 'env_type';
    values[field] = isAsGiven ? value : valueFrom(option, schema, value);
  }
  const missing = Object.entries(fields).filter(
    ([field, schema]) => !(field in values) && !schema.safeParse(undefined).success,
  );
  if (missing.length > 0)
    throw new UsageError(`${missing.map(([field]) => flagOf(field)).join(' and ')} must be given to ${name}.`);
  return values;
}

function valueFrom(option: Option, schema: z.ZodType, text: string): unknown {
  try {
    return parseField(schema, text);
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    throw new UsageError(`${option.long} ${text} cannot be used. ${error.message}`);
  }
}
