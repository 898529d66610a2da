// The help of ludic train and of the others: grouped, and each text readable alone.

import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { evaluateCommand } from '../evaluate/command.ts';
import { exportCommand } from '../export.ts';
import { playCommand } from '../play.ts';
import { rolloutCommand } from '../rollout.ts';
import { runsCommand } from '../runs/command.ts';
import { scoreCommand } from '../score.ts';
import { serveCommand } from '../serve/command.ts';
import { warmupCommand } from '../warmup.ts';
import { trainCommand } from './command.ts';
import { TRAIN_EXAMPLES } from './help.ts';

describe('the help of train', () => {
  it('has each option in a group, and the groups in the order in which they are wanted', () => {
    const command = trainCommand();
    expect(command.options.filter((option) => option.helpGroupHeading === 'Other:').map(({ long }) => long)).toEqual(
      [],
    );
    const headings = command.helpInformation().match(/^\S.*:$/gm)!;
    expect(headings.slice(0, 3)).toEqual(['The run:', 'What a step learns from:', 'Sampling:']);
    expect(new Set(headings).size).toBe(headings.length);
  });

  it('gives examples of options that there are', () => {
    const lines = TRAIN_EXAMPLES.split('\n').filter((line) => line.startsWith('  train'));
    expect(lines.length).toBeGreaterThan(3);
    const known = new Set(trainCommand().options.map(({ long }) => long));
    for (const [flag] of lines.join(' ').matchAll(/--[a-z-]+/g)) expect(known).toContain(flag);
  });
});

it.each(
  [
    trainCommand(),
    evaluateCommand(),
    exportCommand(),
    playCommand(),
    rolloutCommand(),
    scoreCommand(),
    serveCommand(),
    warmupCommand(),
    ...runsCommand().commands,
  ].map((command: Command) => [command.name(), command] as const),
)('%s says of each option what it is, in a phrase of its own', (_, command) => {
  const fragments = command.options
    .filter(({ description }) => !/^(?:[A-Z]|AdamW)/.test(description) || /^(?:Of|And|Its) /.test(description))
    .map(({ long, description }) => `${long}  ${description}`);
  expect(fragments).toEqual([]);
});
