import { evaluatePolicy, startTraining } from '@ludic/service';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { fieldOption, fieldOptions, fieldValues, parseField } from './fields.ts';

const FIELDS = {
  group_size: z.int().min(2).max(64).default(8).describe('episodes of a group, at most batch_size'),
  rate: z.number().positive(),
  share: z.number().min(0).max(1).optional(),
  free: z.number(),
  seed: z.int().min(0),
  kind: z.enum(['a_b', 'c']).describe('which'),
  quick: z.boolean().optional().describe('be quick'),
  layers: z.array(z.string().min(1)).optional().describe('which layers'),
  dtypes: z.array(z.enum(['x', 'y'])),
  config: z.record(z.string(), z.number()).default({}),
  name: z.string().regex(/^\w+$/, 'Letters are needed.'),
};

function parse(...args: readonly string[]) {
  const command = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  for (const option of fieldOptions(FIELDS, { group_size: 16 })) command.addOption(option);
  command.parse(args, { from: 'user' });
  return fieldValues(FIELDS, command.opts());
}

describe('options of fields', () => {
  it('are named, described and listed from the schema', () => {
    const option = fieldOption('group_size', FIELDS.group_size);
    expect(option).toMatchObject({
      flags: '--group-size <n>',
      description: 'episodes of a group, at most batch-size',
      defaultValue: 8,
    });
    expect(fieldOption('kind', FIELDS.kind)).toMatchObject({ flags: '--kind <name>', argChoices: ['a_b', 'c'] });
    expect(fieldOption('quick', FIELDS.quick)).toMatchObject({ flags: '--quick', defaultValue: undefined });
    expect(fieldOption('layers', FIELDS.layers).flags).toBe('--layers <names>');
    expect(fieldOption('config', FIELDS.config)).toMatchObject({ flags: '--config <json>', defaultValue: {} });
  });

  it('give values of the right kind under the names of the fields', () => {
    expect(parse()).toEqual({ group_size: 16, config: {} });
    const words = ['--group-size', '4', '--rate', '1e-3', '--free', '-2', '--kind', 'a_b', '--quick'];
    expect(parse(...words, '--layers', 'q, k', '--dtypes', 'y', '--config', '{"a":1}')).toEqual({
      group_size: 4,
      rate: 0.001,
      free: -2,
      kind: 'a_b',
      quick: true,
      layers: ['q', 'k'],
      dtypes: ['y'],
      config: { a: 1 },
    });
  });

  it.each([
    ['group_size', '1', 'A whole number of at least 2 and of at most 64 is needed.'],
    ['group_size', '2.5', 'A whole number of at least 2 and of at most 64 is needed.'],
    ['group_size', '', 'A whole number of at least 2 and of at most 64 is needed.'],
    ['rate', '0', 'A number above 0 is needed.'],
    ['rate', 'Infinity', 'A number above 0 is needed.'],
    ['share', '1.1', 'A number of at least 0 and of at most 1 is needed.'],
    ['free', 'x', 'A number is needed.'],
    ['seed', '-1', 'A whole number of at least 0 is needed.'],
    ['kind', 'd', 'One of a_b, c is needed.'],
    ['layers', 'a,,b', 'Names with commas between are needed.'],
    ['dtypes', 'x,z', 'Names with commas between are needed, of x, y.'],
    ['config', '{', 'It is no JSON.'],
    ['name', '!', 'Letters are needed.'],
  ] as const)('refuse %s %s with a sentence', (name, text, sentence) => {
    expect(() => parseField(FIELDS[name], text)).toThrow(sentence);
  });

  it('exist for every field that can be asked for', () => {
    for (const [name, schema] of Object.entries({ ...startTraining.shape, ...evaluatePolicy.shape })) {
      const option = fieldOption(name, schema);
      expect(option.description, name).not.toBe('');
      expect(option.long).toBe(`--${name.replaceAll('_', '-')}`);
    }
  });
});
