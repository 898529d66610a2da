import { defineConfig } from 'vite';

export default defineConfig({
  base: './',
  resolve: {
    // ONNX Runtime without a copy of its WebAssembly inside: main.ts says where that is.
    conditions: ['onnxruntime-web-use-extern-wasm', 'module', 'browser', 'development|production'],
  },
  build: { target: 'es2024', assetsInlineLimit: 0 },
  optimizeDeps: { exclude: ['onnxruntime-web'] },
});
