// Entry `@ludic/runtime/internal`: what other packages of this repository need and nothing else is promised.

export { asRuntimeError } from './contract.ts';
export type { SharedBuild } from './shared-build.ts';
