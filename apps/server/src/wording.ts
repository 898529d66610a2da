// The packages write their sentences for users of the command line. Clients of the service have HTTP alone: their sentences
// have no paths, stacks, flags or commands in them. The server's own log keeps the original sentence.

import { evaluatePolicy, startTraining } from '@ludic/service';
import { z } from 'zod';
import { withoutPlaces } from './places-in-text.ts';

const SAMPLING = evaluatePolicy.shape.sampling_params.unwrap() as z.ZodObject;
const FIELDS: Readonly<Record<string, z.ZodType>> = {
  ...evaluatePolicy.shape,
  ...SAMPLING.shape,
  ...startTraining.shape,
};
/** Flags whose field has another name. */
const NAMES: Readonly<Record<string, string>> = {
  steps: 'max_steps',
  history: 'history_strategy',
  env: 'env_type',
  model: 'model_name',
  out: 'output_dir',
  workers: 'tensor_parallel_size',
  resume: 'POST /jobs/{id}/resume',
};
const isSwitch = (field: string) => {
  const schema = FIELDS[field];
  return schema instanceof z.ZodOptional && schema.unwrap() instanceof z.ZodBoolean;
};

const LONGEST = 2000;
const COMMAND = /\b(?:npm (?:run|install|ci)|npx|pnpm|pip install|sudo)\b|`(?:npm|ludic) [^`]*`|\bludic [a-z-]+ --/;

/** A sentence, or several, in the words of the service. */
export function forClients(text: string): string {
  const plain = withoutSpecials(withoutPlaces(withoutStack(text)));
  // Advice for the terminal does not help a client.
  const sentences = plain.split(/(?<=[.!?])\s+(?=[A-Z`])/);
  const kept = sentences.filter((sentence) => !COMMAND.test(sentence));
  return (kept.length > 0 ? kept : ['It cannot be done on this server; its log tells more.'])
    .join(' ')
    .slice(0, LONGEST);
}

/** A line of a log, which keeps its form; undefined where it is part of a stack. */
export const lineForClients = (line: string): string | undefined =>
  STACK.test(line) || /^\s*(?:file:\/\/|node:)\S+:\d+/.test(line) ? undefined : withoutSpecials(withoutPlaces(line));

const STACK = /^\s+at .*(?:[:)]|<anonymous>|async )/;

const withoutStack = (text: string) =>
  text
    .split('\n')
    .filter((line) => lineForClients(line) !== undefined)
    .map((line) => line.trim())
    .filter(Boolean)
    .join(' ');

/** Replaces flags, variables and advice that only a user of the machine could follow. */
function withoutSpecials(text: string): string {
  return text
    .replaceAll(/(?<![\w-])(--[a-z][\w-]*(?:[ =][\d.e+-]+\b)?) (?=--[a-z])/g, '$1, ')
    .replaceAll(/(?<![\w-])--([a-z][a-z\d-]*)(?:[ =]([\d.e+-]+\b|[A-Z]+\b))?/g, (_, flag, value) =>
      fieldOf(flag, value),
    )
    .replaceAll(
      /(?<!the server's |\w)(?=(?:HF|HUGGING_FACE|HUGGINGFACE|TRANSFORMERS|WANDB|LUDIC)_[A-Z_]+\b)/g,
      "the server's ",
    )
    .replaceAll(/: connect, or give a model folder(?=[.,;])/g, '')
    .replaceAll(/,? or give a model folder(?=[.,;])/g, '')
    .replaceAll(/(^|\. )Run the same command again/g, '$1Try again')
    .replaceAll(/\brun the same command again/g, 'try again');
}

function fieldOf(flag: string, value: string | undefined): string {
  const field = NAMES[flag] ?? flag.replaceAll('-', '_');
  const told = value === undefined ? '' : ` ${value}`;
  if (field !== NAMES.resume && !Object.hasOwn(FIELDS, field)) return `the server's option ${flag}${told}`;
  return `${field}${value === undefined && isSwitch(field) ? ' true' : told}`;
}
