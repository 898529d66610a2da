import { existsSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { defineConfig } from 'vitest/config';

// Debian's Chromium brings a Vulkan driver that computes on the CPU: with it WebGPU is tested on machines without a GPU.
// Each test file runs in a process that inherits these.
const CHROMIUM = '/usr/lib/chromium';
if (existsSync(`${CHROMIUM}/vk_swiftshader_icd.json`)) {
  process.env.VK_ICD_FILENAMES ??= `${CHROMIUM}/vk_swiftshader_icd.json`;
  process.env.LD_LIBRARY_PATH = [process.env.LD_LIBRARY_PATH, CHROMIUM].filter(Boolean).join(':');
}

// Tests start hundreds of processes of the same files.
const { directory } = enableCompileCache();
if (directory) process.env.NODE_COMPILE_CACHE ??= directory;

export default defineConfig({
  test: {
    include: ['packages/**/*.test.ts', 'apps/**/*.test.ts', 'tests/**/*.test.ts'],
    // A machine that does other work is slow, and that is no failure: only what hangs ends here.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 30_000 } },
    pool: 'forks',
    // Each file may use all cores through ONNX Runtime: a few at a time is fastest.
    maxWorkers: 2,
  },
});
