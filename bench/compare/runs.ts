// Short runs of every kind of training, and what they leave: file names, weights, metrics, episodes, settings, exports, and
// how the models play. One thread each, a few games a step: a difference shows in the first update as well as in the last.

import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { readSafetensors, toFloat32 } from '../../packages/models/src/index.ts';
import { addFact, addJson, binaryFact, type Facts } from './facts.ts';
import type { Side } from './side.ts';

const words = (text: string) => text.split(' ');
const SMALL = words('--threads 1 --batch-size 16 --group-size 4 --eval-episodes 8 --seed 3');
const SHORT = words('--steps 3 --eval-every 2 --save-every 1');

/** Options of `ludic train` by name of the run. */
const RUNS: Readonly<Record<string, string>> = {
  'tic-tac-toe-no-history': '--env tic_tac_toe --history NO_HISTORY',
  'tic-tac-toe-full-history': '--env tic_tac_toe --history FULL_HISTORY --credit episode --scale-rewards group',
  'tic-tac-toe-scratchpad': '--env tic_tac_toe --history SCRATCHPAD --max-completion-length 24 --tensorboard',
  'key-door-no-history': '--env key_door --history NO_HISTORY --shared-dynamics --resample-rounds 1',
  'key-door-full-history': '--env key_door --history FULL_HISTORY --gradient-checkpointing --token-budget 512',
  'key-door-scratchpad':
    '--env key_door --history SCRATCHPAD --max-completion-length 24 --mask-truncated-completions --schedule cosine',
  adapter: '--env tic_tac_toe --lora-rank 4 --lora-targets q_proj,v_proj --credit group_turn --beta 0.1',
  workers: '--env tic_tac_toe --workers 2 --shards 2 --loss-type dr_grpo --scale-rewards none',
  cispo: '--env key_door --loss-type cispo --epsilon-high 2 --num-iterations 2 --credit td --discount 0.9',
  sapo: '--env tic_tac_toe --loss-type sapo --importance-sampling-level sequence --num-iterations 2',
  clipped:
    '--env tic_tac_toe --loss-type grpo --delta 1.5 --epsilon 0.1 --beta 0.04 --entropy-coefficient 0.01 --num-iterations 3',
  'warm-start': '--env tic_tac_toe --warm-start 2 --warm-start-player expert --loss-type bnpo --weight-decay 0.1',
  exports: '--env tic_tac_toe --onnx fp32,fp16,q4',
  recipe: '--recipe tic-tac-toe-minimax',
};

export async function runFacts(side: Side): Promise<Facts> {
  const facts: Facts = new Map();
  for (const [name, options] of Object.entries(RUNS))
    await side.succeed(['train', ...words(options), ...SMALL, ...SHORT, '--out', `runs/${name}`]);
  await stopAndResume(side);
  await side.succeed(words('warmup --env key_door --player expert --steps 2 --out taught'));
  await side.succeed(words('export --model runs/adapter --dtype fp32,q4 --out exported'));
  addFolder(facts, side.work, join(side.work, 'runs'));
  addFolder(facts, side.work, join(side.work, 'taught'));
  addFolder(facts, side.work, join(side.work, 'exported'));
  for (const name of Object.keys(RUNS)) {
    const printed = await side.succeed(words(`evaluate --model runs/${name} --episodes 8 --json`));
    addJson(facts, `evaluate ${name}`, JSON.parse(printed));
  }
  const others = [
    'evaluate --env key_door --model nano --episodes 8 --history FULL_HISTORY --temperature 1 --top-k 5 --top-p 0.9 --json',
    'evaluate --env tic_tac_toe --model runs/adapter --episodes 8 --temperature 0.5 --json',
    'evaluate --env tic_tac_toe --model expert --episodes 20 --json',
    'rollout --env tic_tac_toe --model nano --seed 5 --json',
    'rollout --env key_door --model runs/key-door-scratchpad --seed 6 --json',
    'runs list runs --json',
    'runs compare runs/cispo runs/sapo --json',
    'runs recipe runs/clipped',
    'games --json',
  ];
  for (const command of others) addJson(facts, command, JSON.parse(await side.succeed(words(command))));
  addFact(facts, 'score', await side.succeed(['score', '--model', 'nano', '--text', 'You are X.']));
  return facts;
}

/** Ctrl-C within the second step of a run whose steps are all saved, and --resume. */
async function stopAndResume(side: Side): Promise<void> {
  const out = ['--out', 'runs/resumed'];
  let isStopped = false;
  const stopped = await side.run(
    ['train', '--env', 'tic_tac_toe', ...SMALL, ...words('--steps 6 --save-every 1'), ...out],
    {
      onPrinted: (text, child) => {
        if (isStopped || !/step 1\/6/.test(text)) return;
        isStopped = true;
        child.kill('SIGINT');
      },
    },
  );
  if (stopped.code !== 130) throw new Error(`${side.name}: Ctrl-C ended with ${stopped.code}: ${stopped.stderr}`);
  await side.succeed(['train', ...out, '--resume']);
}

/** Names and contents of all files. */
function addFolder(facts: Facts, root: string, folder: string): void {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  for (const { parentPath, name } of files) {
    const path = relative(root, join(parentPath, name));
    const bytes = readFileSync(join(parentPath, name));
    // Named after machine and time, and full of times.
    if (/tfevents/.test(name)) addFact(facts, `${path.replace(/tfevents.*/, 'tfevents')} bytes`, 'some');
    else if (name.endsWith('.jsonl'))
      for (const [line, text] of bytes.toString().trimEnd().split('\n').entries())
        addJson(facts, `${path} ${line + 1}`, JSON.parse(text));
    else if (name.endsWith('.json') && bytes.length < 20_000) addJson(facts, path, JSON.parse(bytes.toString()));
    else addFact(facts, path, binaryFact(bytes));
    if (name.endsWith('.safetensors')) addTensors(facts, path, bytes);
  }
}

/** The root mean square of each tensor. */
function addTensors(facts: Facts, path: string, bytes: Uint8Array): void {
  for (const [name, tensor] of readSafetensors(bytes).tensors) {
    const numbers = toFloat32(tensor);
    const squares = numbers.reduce((sum, x) => sum + x * x, 0);
    addFact(facts, `${path}: ${name}`, Math.sqrt(squares / Math.max(1, numbers.length)));
  }
}
