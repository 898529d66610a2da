// Places in sentences, and what a client reads.

import { describe, expect, it } from 'vitest';
import { withoutPlaces } from './places-in-text.ts';

describe('a sentence without places', () => {
  it.each([
    ['/home/ada/data/models/a is no run: it has no config.json.', 'a is no run: it has no config.json.'],
    ['The disk of ~/.cache/huggingface is full.', 'The disk of huggingface is full.'],
    ['"/tmp/a b" and C:\\Users\\Ada\\model', '"a b" and model'],
    ['See https://example.org/docs/models for org/name.', 'See https://example.org/docs/models for org/name.'],
    ['GET /models/a shows it, POST /jobs/b/resume goes on.', 'GET /models/a shows it, POST /jobs/b/resume goes on.'],
    ['GET /models lists them; 3/4 of it, and/or more.', 'GET /models lists them; 3/4 of it, and/or more.'],
    ['open /home/jörg/ludic/models/a.bin failed', 'open a.bin failed'],
    ['cwd:/home/ada/data/x, http://localhost:8000/v1/models', 'cwd:x, http://localhost:8000/v1/models'],
    ["ENOENT: no such file, open '/opt/some where/x'", "ENOENT: no such file, open 'x'"],
  ])('%s', (text, wanted) => {
    expect(withoutPlaces(text)).toBe(wanted);
    expect(withoutPlaces(wanted)).toBe(wanted);
  });

  it.each([
    ['/srv/my data/models/x is no run.', 'x is no run.'],
    ['The disk of /srv/my data is full: /srv/my data.', 'The disk of the data folder is full: the data folder.'],
    ['/data, /data/x, (/data) and /database', 'the home folder, x, (the home folder) and /database'],
    ['POST /data and https://example.org/data', 'POST /data and https://example.org/data'],
    ['a/b is not in the cache /srv/my data/hub either.', "a/b is not in the server's cache either."],
    ['cwd:/srv/my data/jobs/é', 'cwd:é'],
  ])('nor with those that the server knows: %s', (text, wanted) => {
    const places = [
      ['/data', 'the home folder'],
      ['/srv/my data/', 'the data folder'],
      ['', 'none'],
      ['/', 'all'],
    ] as const;
    expect(withoutPlaces(text, places)).toBe(wanted);
  });
});
