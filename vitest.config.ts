import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['packages/**/*.test.ts', 'apps/**/*.test.ts', 'tests/**/*.test.ts'],
    testTimeout: 60_000,
    // Each file may use all cores through ONNX Runtime: a few at a time is fastest.
    maxWorkers: 2,
  },
});
