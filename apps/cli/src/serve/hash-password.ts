// ludic hash-password: the hash of a password, for LUDIC_PASSWORD_HASH or a password file.

import { Command } from 'commander';
import { UsageError } from '../failure.ts';
import { askSecrets, readSecretLine } from './secret-input.ts';

export function hashPasswordCommand(): Command {
  return new Command('hash-password')
    .description('Ask for a password twice and print its argon2id hash, for LUDIC_PASSWORD_HASH or --password-file')
    .option('--name <name>', 'Name of the person: prints a line name:hash for a password file')
    .addHelpText(
      'after',
      '\nA password has at least 8 characters. It is asked for without echo; when input is a pipe, its first line is taken.\nIn a shell write the hash in single quotes, which keep its $ signs.',
    )
    .action(run);
}

async function run({ name }: { readonly name?: string }): Promise<void> {
  const { hashPassword, isName } = await import('@ludic/server/hash');
  if (name !== undefined && !isName(name))
    throw new UsageError(
      `${JSON.stringify(name)} cannot be a name: 1 to 64 letters, digits, dots, dashes, underscores and @ can, the first a letter or a digit.`,
    );
  const password = await readPassword(name);
  if (password === undefined) {
    process.stderr.write('\n');
    process.exitCode = 130;
    return;
  }
  const hash = await hashPassword(password);
  if (password.includes(':'))
    process.stderr.write(
      'The password holds a colon: in a password file with names it must be presented as name:password.\n',
    );
  process.stdout.write(name === undefined ? `${hash}\n` : `${name}:${hash}\n`);
}

/** @returns undefined when the user presses Ctrl-C */
async function readPassword(name: string | undefined): Promise<string | undefined> {
  if (!process.stdin.isTTY) return readSecretLine(process.stdin);
  const whose = name === undefined ? '' : ` of ${name}`;
  const answers = await askSecrets(process.stdin, process.stderr, [`Password${whose}: `, 'Once more: ']);
  if (answers === undefined) return undefined;
  if (answers[0] !== answers[1]) throw new UsageError('The two passwords differ. Try again.');
  return answers[0];
}
