// A form that is made from a schema knows every setting, and says what was filled in and nothing else.

import { findEnvironment } from '@ludic/environments';
import { ENDPOINTS, evaluatePolicy, startTraining } from '@ludic/service';
import { describe, expect, it } from 'vitest';
import type { JsonSchema } from '../../ui/schema-field.tsx';
import { complaintsOf, fieldsOf, requestOf } from './form-fields.ts';
import { gameFieldsOf, RECIPE_TITLES, requestForm } from './request-forms.ts';

const { $defs } = startTraining.toJSONSchema({ io: 'input' });
const { properties, required } = $defs!.StartTraining as unknown as {
  properties: Record<string, JsonSchema>;
  required: string[];
};
const fields = fieldsOf(properties, required, false);
const field = (name: string) => fields.find((one) => one.name === name)!;

describe('the form of a training', () => {
  it('has a field for every setting of the contract', () => {
    expect(fields.map(({ name }) => name)).toEqual(Object.keys(ENDPOINTS.startTraining.body.shape));
    expect(field('learning_rate')).toMatchObject({ kind: 'number', initial: '', isOptional: true });
    expect(field('env_type')).toMatchObject({ kind: 'choice', choices: ['key_door', 'tic_tac_toe'] });
    expect(field('shared_dynamics')).toMatchObject({ kind: 'flag', initial: '', isOptional: true });
    expect(field('lora_targets').kind).toBe('words');
    expect(field('onnx')).toMatchObject({ kind: 'several', choices: ['fp32', 'fp16', 'q4'] });
    expect(field('output_dir')).toMatchObject({ kind: 'text', label: 'Output dir', isOptional: false });
    expect(field('lora_rank').label).toBe('LoRA rank');
  });

  it('makes a request that the schema takes', () => {
    const some = fields.filter(({ name }) => name !== 'env_config');
    const request = requestOf(some, {
      model_name: ' nano ',
      env_type: 'tic_tac_toe',
      output_dir: 'new',
      learning_rate: '2e-3',
      group_size: '8',
      shared_dynamics: 'false',
      lora_rank: '4',
      lora_targets: 'q_proj, v_proj',
      onnx: ['q4'],
      beta: '',
    });
    expect(request).toMatchObject({
      model_name: 'nano',
      learning_rate: 2e-3,
      shared_dynamics: false,
      lora_targets: ['q_proj', 'v_proj'],
      onnx: ['q4'],
    });
    expect(request).not.toHaveProperty('beta');
    expect(request).not.toHaveProperty('seed');
    expect(startTraining.safeParse(request).error).toBeUndefined();
  });

  it('takes an object as JSON, and leaves what is none to the server', () => {
    expect(field('template_options').kind).toBe('json');
    const requested = (text: string) => requestOf([field('template_options')], { template_options: text });
    expect(requested('{"enable_thinking": false}')).toEqual({ template_options: { enable_thinking: false } });
    expect(requested('thinking')).toEqual({ template_options: 'thinking' });
    expect(requested(' ')).toEqual({});
    const schema = { type: 'object', default: {} };
    expect(fieldsOf({ plain: schema, said: { ...schema, default: { a: 1 } } }).map(({ initial }) => initial)).toEqual([
      '',
      '{"a":1}',
    ]);
  });

  it('leaves what is no number to the server', () => {
    const request = requestOf([field('batch_size')], { batch_size: 'many' });
    expect(request).toEqual({ batch_size: 'many' });
    expect(startTraining.safeParse(request).error?.issues.map(({ path }) => path[0])).toContain('batch_size');
  });
});

describe('the form of an evaluation', () => {
  const schema = evaluatePolicy.toJSONSchema({ io: 'input' }).$defs!.EvaluatePolicy as unknown as {
    properties: Record<string, JsonSchema>;
    required: string[];
  };
  const all = fieldsOf(schema.properties, schema.required);

  it('has the fields of what is inside of others beside them', () => {
    const { sampling_params, ...others } = evaluatePolicy.shape;
    const inside = Object.keys(sampling_params.unwrap().shape).map((name) => `sampling_params.${name}`);
    expect(all.map(({ name }) => name).sort()).toEqual([...Object.keys(others), ...inside].sort());
    expect(all.find(({ name }) => name === 'sampling_params.top_k')).toMatchObject({
      kind: 'number',
      label: 'Top k',
      initial: '0',
      isOptional: false,
    });
  });

  it('makes a request that the schema takes', () => {
    const some = all.filter(({ name }) => name !== 'env_config');
    const request = requestOf(some, {
      model_path: 'nano',
      env_type: 'key_door',
      eval_episodes: '7',
      'sampling_params.temperature': '0',
      'sampling_params.top_p': '',
      include_trajectories: 'false',
    });
    expect(request).toMatchObject({
      eval_episodes: 7,
      sampling_params: { temperature: 0, max_tokens: 100, top_k: 0 },
      include_trajectories: false,
    });
    expect(request.sampling_params).not.toHaveProperty('top_p');
    expect(evaluatePolicy.safeParse(request).error).toBeUndefined();
  });
});

it('puts complaints where they belong', () => {
  const details = [
    { field: 'batch_size', message: 'One.' },
    { field: 'batch_size', message: 'Two.' },
    { field: 'lora_targets.3', message: 'Three.' },
    { field: 'env_config.epsilon', message: 'Four.' },
    { field: 'sampling_params.top_p', message: 'Five.' },
    { field: '', message: 'Six.' },
  ];
  const names = ['batch_size', 'lora_targets', 'sampling_params.top', 'sampling_params.top_p'];
  const some = names.map((name) => ({ name }));
  expect(complaintsOf(details, some)).toEqual({
    batch_size: 'One. Two.',
    lora_targets: 'Three.',
    'sampling_params.top_p': 'Five.',
  });
  expect(complaintsOf(details, [{ name: 'epsilon' }], 'env_config.')).toEqual({ epsilon: 'Four.' });
});

describe('the forms of jobs', () => {
  it('begin with a recipe, and call the defaults of the contract plain', () => {
    const { prefilled, first } = requestForm('train');
    expect(prefilled.filled.recipe).toBe('auto');
    const recipe = first.find(({ name }) => name === 'recipe')!;
    for (const choice of ['', ...recipe.choices]) expect(RECIPE_TITLES[choice]).toMatch(/\w/);
    expect(RECIPE_TITLES['']).toMatch(/^plain: /);
  });

  it('leave to the model what it carries of its game', () => {
    const { first, further, prefilled } = requestForm('evaluate');
    expect(Object.keys(requestOf([...first, ...further], { ...prefilled.filled, model_path: 'mine' }))).not.toContain(
      'history_strategy',
    );
    expect(requestOf(first, prefilled.filled)).toEqual({
      model_path: 'nano',
      env_type: 'tic_tac_toe',
      eval_episodes: 200,
      sampling_params: { temperature: 0, max_tokens: 100 },
      seed: 0,
      include_trajectories: true,
    });
  });

  it.each(['train', 'evaluate'] as const)('of %s send all that is filled in of the game, and nothing else', (kind) => {
    const form = requestForm(kind);
    const { properties } = findEnvironment('key_door').configSchema as { properties: Record<string, JsonSchema> };
    const fields = gameFieldsOf(form, properties);
    for (const field of fields) expect(field).toMatchObject({ initial: '', isOptional: true });
    expect(requestOf(fields, {})).toEqual({});
    // Also what the game itself would take: the model or the recipe may say otherwise.
    const some = fields.filter(({ name, kind }) => kind === 'number' && properties[name]!.default !== undefined);
    expect(some.length).toBeGreaterThan(0);
    const defaults = Object.fromEntries(some.map(({ name }) => [name, properties[name]!.default]));
    const typed = Object.fromEntries(some.map(({ name }) => [name, String(defaults[name])]));
    expect(requestOf(fields, typed)).toEqual(defaults);
    expect(fields.some(({ name }) => name === 'size')).toBe(kind === 'evaluate');
  });
});
