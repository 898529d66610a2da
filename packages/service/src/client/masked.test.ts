import { expect, it } from 'vitest';
import { masked } from './masked.ts';

it.each([
  ['hunter2!', 'The password hunter2! is wrong.', 'The password ••• is wrong.'],
  ['correct horse', 'Not "correct horse", ada:correct horse.', 'Not "•••", ada:•••.'],
  ['correcthorsebattery', 'xcorrecthorsebatteryx', 'x•••x'],
  ['a b&c=123', 'See /jobs?password=a%20b%26c%3D123', 'See /jobs?password=•••'],
  [
    'secret',
    'The password "secret" is wrong; Bearer secret, ada:secret.',
    'The password "•••" is wrong; Bearer •••, ada:•••.',
  ],
  ['hunter2', 'password: hunter2, and hunter2 was refused', 'password: •••, and ••• was refused'],
  ['secret', 'password: secret', 'password: •••'],
  ['wrong', 'Bearer wrongly, password=wrong', 'Bearer wrongly, password=•••'],
  ['a\\b', '"a\\b"', '"•••"'],
  ['a.*', "'a.*' and 'abc'", "'•••' and 'abc'"],
])('masks %s where it is repeated', (password, text, wanted) => {
  expect(masked(text, password)).toBe(wanted);
});

const OURS =
  'The password is wrong. A password is needed: as "password" in the JSON body, or as Authorization: Bearer. Try again in 10 s.';
it.each([
  'password',
  'Password',
  'wrong',
  'is',
  'a',
  '1',
  '10',
  's',
  'body',
  'JSON',
  'needed',
  'Bearer',
  '.',
  'is wrong',
  '',
  undefined,
])('leaves the words of a sentence alone for the password %s', (password) => {
  expect(masked(OURS, password)).toBe(OURS);
});
