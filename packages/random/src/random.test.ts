import { describe, expect, it } from 'vitest';
import { deriveSeed, stream } from './index.ts';
import { philox4x32 } from './stream.ts';

const block = (counter: number[], key: number[]) => {
  const out = new Uint32Array(4);
  philox4x32(out, counter[0]!, counter[1]!, counter[2]!, counter[3]!, key[0]!, key[1]!);
  return [...out].map((word) => word.toString(16).padStart(8, '0')).join(' ');
};

describe('philox4x32', () => {
  it('gives the known answers published with the algorithm', () => {
    expect(block([0, 0, 0, 0], [0, 0])).toBe('6627e8d5 e169c58d bc57ac4c 9b00dbd8');
    expect(block([-1, -1, -1, -1], [-1, -1])).toBe('408f276d 41c83b0e a20bc7c6 6d5451fd');
    expect(block([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0])).toBe(
      'd16cfe09 94fdcceb 5001e420 24126ea1',
    );
  });
});

describe('stream', () => {
  const draw = (...path: (number | string)[]) => {
    const random = stream(...path);
    return Array.from({ length: 6 }, () => random.nextUint32());
  };

  it('repeats for the same path and differs for any other', () => {
    expect(draw(1, 'episode', 2)).toEqual(draw(1, 'episode', 2));
    const paths = [[1], [2], [1, 0], ['1'], ['a', 'b'], ['ab'], [2 ** 40], [2 ** 40 + 1], ['', 'ab'], [-1]];
    expect(new Set(paths.map((path) => draw(...path).join())).size).toBe(paths.length);
  });

  it('spreads nextInt evenly', () => {
    const random = stream(7);
    const counts = [0, 0, 0, 0, 0, 0, 0];
    for (let i = 0; i < 70_000; i++) counts[random.nextInt(7)]!++;
    // Each count is binomial(70000, 1/7): mean 10000, standard deviation 92.6.
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(5 * 92.6);
  });

  it('gives floats with the mean and variance of the uniform distribution', () => {
    const random = stream('uniform');
    let sum = 0;
    let squares = 0;
    for (let i = 0; i < 100_000; i++) {
      const value = random.nextFloat();
      expect(value >= 0 && value < 1).toBe(true);
      sum += value;
      squares += value * value;
    }
    expect(Math.abs(sum / 100_000 - 1 / 2)).toBeLessThan(0.005);
    expect(Math.abs(squares / 100_000 - 1 / 3)).toBeLessThan(0.005);
  });

  it('derives seeds that are safe integers and refuses a fractional path', () => {
    expect(deriveSeed(3, 'x')).toBeLessThan(2 ** 48);
    expect(deriveSeed(3, 'x')).not.toBe(deriveSeed(4, 'x'));
    expect(() => stream(0.5)).toThrow(RangeError);
  });
});
