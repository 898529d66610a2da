import { describe, expect, it } from 'vitest';
import { checkTrackingSettings, mergeTrackingSettings } from './settings.ts';
import { readWandbAccount, runUrl } from './wandb/account.ts';

const KEY = 'a1'.repeat(20);

describe('settings of tracking', () => {
  it.each(['', ' ', 'a/b', 'a?b', 'a#b', 'a%b', 'a:b', '..', 'line\nbreak', 'x'.repeat(129)])(
    'take no project %j',
    (project) => {
      expect(() => checkTrackingSettings({ wandb: { project } })).toThrow(/is no name of a W&B project/);
      expect(() => checkTrackingSettings({ wandb: { project: 'p', entity: project } })).toThrow(/W&B entity/);
    },
  );

  it('of a resumed run are those it had and those it is given', () => {
    const wandb = { project: 'p', entity: 'e' };
    expect(mergeTrackingSettings({ wandb }, { tensorboard: true })).toEqual({ wandb, tensorboard: true });
    expect(mergeTrackingSettings({ tensorboard: true }, { wandb })).toEqual({ wandb, tensorboard: true });
    expect(mergeTrackingSettings({ wandb }, { wandb: { project: 'p' } })).toEqual({ wandb });
    expect(() => mergeTrackingSettings({ wandb }, { wandb: { project: 'q' } })).toThrow(/e\/p, and cannot go on in q/);
    expect(() => mergeTrackingSettings({ wandb }, { wandb: { project: 'p', entity: 'f' } })).toThrow(/cannot go on/);
  });
});

describe('the account at W&B', () => {
  it.each([KEY, `local-${KEY}`, `wandb_v1_${KEY}`, 'head.body.sign', ` ${KEY}\n`])('is opened by %j', (key) => {
    expect(readWandbAccount({ WANDB_API_KEY: key })).toEqual({ baseUrl: 'https://api.wandb.ai', key: key.trim() });
  });

  it.each(['short', `${KEY.slice(1)}`, `${KEY} x`, `${KEY}\nx`, 'your key here '.repeat(5)])(
    'is not opened by %j, which is not repeated',
    (key) => {
      const read = () => readWandbAccount({ WANDB_API_KEY: key });
      expect(read).toThrow(/holds no key of W&B/);
      expect(read).not.toThrow(key.trim());
    },
  );

  it('needs a key', () => {
    for (const environment of [{}, { WANDB_API_KEY: '' }, { WANDB_API_KEY: ' ' }])
      expect(() => readWandbAccount(environment)).toThrow(/WANDB_API_KEY is not set/);
  });

  it.each([
    ['https://wandb.example.org/', 'https://wandb.example.org', 'https://wandb.example.org/e/p/runs/r'],
    ['http://127.0.0.1:8080/base//', 'http://127.0.0.1:8080/base', 'http://127.0.0.1:8080/base/e/p/runs/r'],
    ['https://api.wandb.ai', 'https://api.wandb.ai', 'https://wandb.ai/e/p/runs/r'],
  ])('may be at %s', (text, baseUrl, url) => {
    const account = readWandbAccount({ WANDB_API_KEY: KEY, WANDB_BASE_URL: text, WANDB_ENTITY: 'e' });
    expect(account).toEqual({ baseUrl, key: KEY, entity: 'e' });
    expect(runUrl(baseUrl, 'e', 'p', 'r')).toBe(url);
  });

  it.each(['wandb.example.org', 'ftp://x', 'https://me:secret@x', 'https://x/?key=secret', ' :'])(
    'is not at %j',
    (text) => {
      const read = () => readWandbAccount({ WANDB_API_KEY: KEY, WANDB_BASE_URL: text });
      if (text.trim() !== '') expect(read).toThrow(/WANDB_BASE_URL must be an address/);
      expect(read).not.toThrow(/secret/);
    },
  );
});
