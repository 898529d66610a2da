#!/usr/bin/env node
// The command `ludic` of the installed package. Plain JavaScript, so that an old Node can say that it is too old.

if (Number(process.versions.node.split('.')[0]) < 24) {
  process.stderr.write(
    `ludic: Node 24 or later is needed; this is ${process.version}. Install it, or put npx node@24 before the command: npx node@24 node_modules/ludic/bin/ludic.js --help\n`,
  );
  process.exit(2);
}

// SQLite is an experiment of Node's, which is not the user's concern.
const { emitWarning } = process;
process.emitWarning = (warning, ...rest) => {
  const [kind] = rest;
  if ((typeof kind === 'object' ? kind?.type : kind) !== 'ExperimentalWarning') emitWarning(warning, ...rest);
};

await import('../apps/cli/dist/main.js');
