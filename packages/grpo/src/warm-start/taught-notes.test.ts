import { findEnvironment, resolveConfig } from '@ludic/environments';
import { readScratchpad } from '@ludic/history';
import { scriptedPolicy } from '@ludic/policies';
import { evaluationStarts, playEpisodes } from '@ludic/rollouts';
import { describe, expect, it } from 'vitest';
import { scratchpadPart, withoutScratchpads, withScratchpad } from './taught-notes.ts';

async function played(id: string, raw = {}) {
  const environment = findEnvironment(id);
  const config = resolveConfig(environment, raw);
  const player = scriptedPolicy('random', () => environment.experts.random(config));
  const policy = withScratchpad(player, environment, config);
  return playEpisodes({ environment, config, history: 'SCRATCHPAD', policy, starts: evaluationStarts(0, 300) });
}

describe('taught scratchpads', () => {
  it('hold facts of the kind that was just seen, one in four of them false', async () => {
    const episodes = await played('key_door');
    let [news, noted, right] = [0, 0, 0];
    for (const { turns } of episodes) {
      const first = turns.findIndex(({ observation }) => observation.includes('There is a locked door here.'));
      if (first < 0) continue;
      news++;
      const { observation, reply } = turns[first]!;
      const pad = readScratchpad(reply.text);
      if (pad === undefined || pad === '') continue;
      noted++;
      expect(pad).toMatch(/^You saw the (door|key) at row \d, column \d\.$/);
      const [place] = /row \d, column \d/.exec(observation)!;
      if (pad === `You saw the door at ${place}.`) right++;
    }
    expect(noted / news).toBeGreaterThan(0.6);
    expect(noted / news).toBeLessThan(0.95);
    // Three in four, and one in sixteen of those that are another game's.
    expect(right / noted).toBeGreaterThan(0.65);
    expect(right / noted).toBeLessThan(0.88);
  });

  it('are mostly left as they are, and the games are those of a random player', async () => {
    const episodes = await played('key_door');
    const turns = episodes.flatMap((episode) => episode.turns);
    const written = turns.filter(({ reply }) => reply.text.startsWith('<scratchpad>'));
    expect(written.length / turns.length).toBeLessThan(0.1);
    expect(episodes.filter(({ reward }) => reward > 0.5).length / episodes.length).toBeLessThan(0.1);
  });

  it('hold nothing that was known before the first prompt', async () => {
    const episodes = await played('key_door', { head_start: 1 });
    const first = episodes.filter(({ turns }) => readScratchpad(turns[0]!.reply.text));
    expect(first.length / episodes.length).toBeLessThan(0.02);
  });

  it('hold lines of what was shown in games that say no facts', async () => {
    for (const { turns } of await played('tic_tac_toe')) {
      for (const { prompt, reply } of turns) {
        const lines = readScratchpad(reply.text)!.split('\n').filter(Boolean);
        for (const line of lines) expect(prompt.at(-1)!.content.split('\n').slice(1)).toContain(line);
      }
    }
  });

  it('are parted from what follows them', () => {
    const reply = '<scratchpad>\nThe key is up.\n</scratchpad><action>up</action>';
    expect(scratchpadPart(reply)).toBe('<scratchpad>\nThe key is up.\n</scratchpad>');
    expect(withoutScratchpads(reply)).toBe('<action>up</action>');
    expect(scratchpadPart('<action>up</action>')).toBe('');
    expect(withoutScratchpads('<action>up</action>')).toBe('<action>up</action>');
  });
});
