// Builds the page: static files in dist/, with everything that it will ever ask for.

import { defineConfig } from 'vite';
import { DEVELOPMENT_HEADERS, HEADERS, headersFile } from './headers.ts';

export default defineConfig({
  // Wherever the files are put, they find each other.
  base: './',
  resolve: {
    // ONNX Runtime without a copy of its WebAssembly inside: the page says where that is (engine/assets.ts).
    conditions: ['onnxruntime-web-use-extern-wasm', 'module', 'browser', 'development|production'],
  },
  worker: { format: 'es' },
  build: {
    target: 'es2024',
    // Data in addresses would be refused by the content security policy.
    assetsInlineLimit: 0,
    // ONNX Runtime is large, and loaded when a model is.
    chunkSizeWarningLimit: 1000,
    modulePreload: { polyfill: false },
    rolldownOptions: { checks: { pluginTimings: false } },
  },
  server: { host: '127.0.0.1', headers: DEVELOPMENT_HEADERS },
  preview: { host: '127.0.0.1', headers: HEADERS },
  optimizeDeps: { exclude: ['onnxruntime-web'] },
  plugins: [
    {
      name: 'headers',
      generateBundle() {
        this.emitFile({ type: 'asset', fileName: '_headers', source: headersFile() });
      },
    },
  ],
});
