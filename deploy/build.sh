#!/bin/sh
# Makes a copy of this repository ready to serve: the page is built, and nothing is built or installed at the start.
#   sh deploy/build.sh          everything, Node included (node_modules/node/bin/node)
#   sh deploy/build.sh --slim   afterwards only what serving needs, for an image that has Node 24 itself
set -eu
cd "$(dirname "$0")/.."

pnpm() {
  npx --yes pnpm@12.21.0 "$@"
}

pnpm install --frozen-lockfile --prefer-offline
PATH="$PWD/node_modules/.bin:$PATH"
(cd apps/evaluator && node ../../node_modules/vite/bin/vite.js build --logLevel warn && node precompress.ts)

if [ "${1:-}" = --slim ]; then
  rm -rf node_modules apps/*/node_modules packages/*/node_modules
  pnpm --filter '@ludic/cli...' install --prod --frozen-lockfile --prefer-offline
  # ONNX Runtime brings its libraries for every system; this one is Linux.
  rm -rf node_modules/.pnpm/onnxruntime-node@*/node_modules/onnxruntime-node/bin/napi-v*/darwin
  rm -rf node_modules/.pnpm/onnxruntime-node@*/node_modules/onnxruntime-node/bin/napi-v*/win32
fi
