// Opens what `--model` names: nano, a model folder, a GGUF file, a run, a model of the Hub, a scripted player, or a model that other
// software runs.

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type EnvironmentDefinition, environmentIds, findEnvironment } from '@ludic/environments';
import { LORA_FIELDS } from '@ludic/grpo/internal';
import { openLanguageModel } from '@ludic/inference';
import {
  type BaseBits,
  type Checkpoint,
  type ModelFiles,
  mergeAdapter,
  readAdapter,
  readCheckpoint,
  type TemplateOptions,
} from '@ludic/models';
import { openAdapterFolder, openModelFolder } from '@ludic/models/node';
import { NANO_FOLDER } from '@ludic/nano';
import { LanguageModelPolicy, type Policy, scriptedPolicy } from '@ludic/policies';
import type { EnvironmentSpec } from '@ludic/rollouts';
import { Option } from 'commander';
import { UsageError } from '../failure.ts';
import { type DeviceOption, openRuntime } from '../options/device.ts';
import { fieldOption } from '../options/fields.ts';
import { openRunModel } from '../runs/run-model.ts';
import { type OutsideOptions, openOutsidePolicy } from './outside-policies.ts';
import { TransferView } from './transfers.ts';

export const modelOption = (purpose = '') =>
  new Option(
    '--model <name>',
    `Model: nano, a model folder, a GGUF file, a run, or org/name of the Hugging Face Hub (old ones: gpt2)${purpose}`,
  ).default('nano');

/** A folder of that name comes first; otherwise a model of the Hub is fetched. */
export async function openFiles(name: string): Promise<ModelFiles> {
  if (name === 'nano') return { ...(await openModelFolder(fileURLToPath(NANO_FOLDER))), name };
  if (!existsSync(name)) return (await openFromHub(name)) ?? (await openModelFolder(name));
  const run = await openRunModel(name);
  if (!run) return openModelFolder(name);
  if (!told.has(name)) process.stderr.write(`${name} is a run: ${run.what} is taken.\n`);
  told.add(name);
  return { ...run.files, name };
}

/** Runs and warnings that were printed already. */
const told = new Set<string>();

/** One word that names no model; it may be a misspelt player. */
class UnknownName extends UsageError {}

/** One quick request: a misspelt name should not wait for a network that is down. */
const LOOK = { attempts: 1, firstPause: 0, longestPause: 0, longestWait: 0, idleTimeout: 5000 };
/** Errors of the Hub that mean that a repository is not there. */
const SAYS_NONE = /^(unauthorized|repository_not_found|offline)$/;
const UNKNOWN_WORD =
  /^(unauthorized|repository_not_found|offline|cut_off|server_fault|rate_limited|refused|bad_answer)$/;

/** @returns undefined where the name is none of the Hub's */
async function openFromHub(name: string): Promise<ModelFiles | undefined> {
  const hub = await import('@ludic/hub');
  const { HubError, lookAtHubModel, openHubModel, parseReference, readHubSettings } = hub;
  const reference = parseReference(name);
  if (!reference) return undefined;
  const settings = await readHubSettings(process.env);
  const view = new TransferView(process.stderr, () => performance.now());
  // Once the repository is known to be there, a failure has nothing to do with its name.
  let isLookedUp = name.includes('/');
  try {
    if (!isLookedUp) await lookAtHubModel(reference, settings, LOOK);
    isLookedUp = true;
    return await openHubModel(reference, settings, { onEvent: (event) => view.show(event) });
  } catch (error) {
    // The user may have meant a path.
    if (!(error instanceof HubError) || !(isLookedUp ? SAYS_NONE : UNKNOWN_WORD).test(error.code)) throw error;
    const message = `There is no folder ${name} here. ${error.message}`;
    if (!isLookedUp) throw new UnknownName(message);
    throw new HubError(error.code, message, { cause: error });
  } finally {
    view.close();
  }
}

/**
 * The checkpoint alone, for commands that sample nothing.
 * @param adapter a folder whose adapter is merged into the parameters
 */
export async function openCheckpoint(files: ModelFiles, adapter: string | undefined): Promise<Checkpoint> {
  const checkpoint = await readCheckpoint(files);
  tellWarnings(checkpoint.warnings);
  if (adapter === undefined) return checkpoint;
  const { config, parameters } = checkpoint;
  const read = await readAdapter(await openAdapterFolder(adapter), config);
  return { ...checkpoint, parameters: mergeAdapter(config, parameters, read) };
}

/** Prints each warning once, also where a model is opened several times. */
function tellWarnings(warnings: readonly string[] = []): void {
  for (const warning of warnings) {
    if (!told.has(warning)) process.stderr.write(`ludic: ${warning}\n`);
    told.add(warning);
  }
}

export const adapterOption = () => new Option('--adapter <folder>', 'A LoRA adapter in PEFT layout, for --model');

/** Of a model that is only played: its weights stay as they are, with an adapter beside them. */
export const baseBitsOption = () =>
  fieldOption(
    'base_bits',
    LORA_FIELDS.base_bits.describe('Bits of a weight of the model, 8 or 4: less memory, faster on a CPU (default: 32)'),
  );

interface PolicyOptions extends OutsideOptions {
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly maxCompletionLength: number;
  readonly adapter?: string;
  readonly baseBits?: BaseBits;
  readonly templateOptions?: TemplateOptions;
  /** The model's files, where they are open already. */
  readonly files?: ModelFiles;
  /** Default: the CPU. */
  readonly device?: DeviceOption;
}

/** Whether a name stands for model files rather than a scripted player or other software. */
export function isModelName(name: string, env: string | undefined): boolean {
  if (/^(openai|transformers):/.test(name)) return false;
  const games = env === undefined ? environmentIds() : [env];
  return (
    !games.some((id) => Object.hasOwn(findEnvironment(id).experts, name)) &&
    (name === 'nano' || /[/\\]/.test(name) || existsSync(name))
  );
}

/**
 * @param name nano, a folder, a model of the Hub, one of the game's scripted players, `openai:URL#MODEL` or
 *   `transformers:MODEL`
 */
export async function openPolicy(
  name: string,
  { environment: definition, config }: EnvironmentSpec<EnvironmentDefinition>,
  options: PolicyOptions,
): Promise<Policy> {
  const { temperature, topK, topP, maxCompletionLength } = options;
  const settings = { temperature, topK, topP, maxCompletionLength, stop: [`</${definition.replyTag}>`] };
  const outside = await openOutsidePolicy(name, settings, options);
  if (outside) return outside;
  const expert = Object.hasOwn(definition.experts, name) ? definition.experts[name] : undefined;
  if (expert && options.adapter !== undefined)
    throw new UsageError(`--adapter needs a model; ${name} is a scripted player.`);
  if (expert) return scriptedPolicy(name, () => expert(config));
  const players = Object.keys(definition.experts).join(', ');
  const files = await (options.files ? Promise.resolve(options.files) : openFiles(name)).catch(
    (error: Error & { code?: string }) => {
      if (!(error instanceof UnknownName) && (error.code !== 'not_a_model' || /[/\\]/.test(name))) throw error;
      throw new UsageError(
        `${error instanceof UnknownName ? error.message : `There is no model ${name}: it is no folder.`} Use nano, a model folder, org/name of the Hugging Face Hub, openai:URL#MODEL, transformers:MODEL, or a player of ${definition.id}: ${players}.`,
      );
    },
  );
  const adapter = options.adapter === undefined ? undefined : await openAdapterFolder(options.adapter);
  const runtime = await openRuntime(options.device ?? 'cpu');
  const { templateOptions, baseBits } = options;
  const model = await openLanguageModel(files, runtime, { adapter, templateOptions, baseBits });
  tellWarnings(model.warnings);
  return new LanguageModelPolicy(model, settings);
}
