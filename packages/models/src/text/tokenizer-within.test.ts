import { expect, it } from 'vitest';
import { ModelError } from '../errors.ts';
import { type Tokenizer, tokenizerWithin } from './tokenizer.ts';

const words: Tokenizer = {
  encode: (text) => Int32Array.from(text.split(' '), Number),
  decode: (ids) => Array.from(ids, (id) => `<${id}>`).join(''),
  tokenId: Number,
};
const tokenizer = tokenizerWithin(words, 10, 'some/model');

it('passes on what the model has rows for', () => {
  expect([...tokenizer.encode('0 9 3')]).toEqual([0, 9, 3]);
  expect(tokenizer.decode([3])).toBe('<3>');
});

it('names the token and the model where there is no row', () => {
  expect(() => tokenizer.encode('3 10 4')).toThrow(ModelError);
  expect(() => tokenizer.encode('3 10 4')).toThrow(/some\/model gives "<10>" the id 10, and the model has 10 rows/);
});
