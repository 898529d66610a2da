// The commands, and the exit code of the one that is run.

import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { clientCommand } from './client/command.ts';
import { workerCommand } from './cluster/worker-command.ts';
import { demoCommand } from './demo.ts';
import { doctorCommand } from './doctor.ts';
import { evaluateCommand } from './evaluate/command.ts';
import { evaluatorCommand } from './evaluator/command.ts';
import { exportCommand } from './export.ts';
import { report } from './failure.ts';
import { loadNamedGame } from './game-files.ts';
import { gamesCommand } from './games.ts';
import { loadNamedPlugins } from './options/plugins.ts';
import { playCommand } from './play.ts';
import { pushCommand } from './push/command.ts';
import { rolloutCommand } from './rollout.ts';
import { runsCommand } from './runs/command.ts';
import { scoreCommand } from './score.ts';
import { serveCommand } from './serve/command.ts';
import { hashPasswordCommand } from './serve/hash-password.ts';
import { openenvCommand } from './serve/openenv.ts';
import { syncCommand } from './sync.ts';
import { trainCommand } from './train/command.ts';
import { warmupCommand } from './warmup.ts';

const program = new Command('ludic')
  .description('Train and evaluate language models in text games with GRPO.')
  .version(JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version)
  .addHelpText(
    'after',
    '\nExit codes: 0 done, 1 a fault that is not yours (disk, network, server), 2 bad input, 130 stopped by Ctrl-C and saved.',
  )
  .showHelpAfterError('Add --help to see what there is.');
const commands = [
  trainCommand(),
  workerCommand(),
  runsCommand(),
  gamesCommand(),
  evaluateCommand(),
  evaluatorCommand(),
  rolloutCommand(),
  playCommand(),
  scoreCommand(),
  warmupCommand(),
  exportCommand(),
  pushCommand(),
  hashPasswordCommand(),
  serveCommand(),
  openenvCommand(),
  syncCommand(),
  clientCommand(),
  doctorCommand(),
  demoCommand(),
];
for (const command of commands) program.addCommand(command);
program.hook('preAction', async (_, command) => {
  await loadNamedGame(command);
  await loadNamedPlugins(command);
});
for (const command of [program, ...commands, ...commands.flatMap((each) => each.commands)]) command.exitOverride();

// A reader that closes the pipe early, such as head, is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

try {
  await program.parseAsync();
} catch (error) {
  // Commander has already printed what was wrong with the options.
  process.exitCode = error instanceof CommanderError ? (error.exitCode === 0 ? 0 : 2) : report(error);
}
