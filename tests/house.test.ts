// What was reached in keeping the house small and readable stays so: bench/measure counts it. A number here may only be
// made better.

import { expect, it } from 'vitest';
import { MOST_FILES, measure } from '../bench/measure/measures.ts';
import { treeHere } from '../bench/measure/tree.ts';

/** Folders that hold more source files, and why. */
const FULL: Readonly<Record<string, string>> = {
  bench: 'One program for each file.',
};

const { repeatedTypes, unusedExports, undocumentedExports, promisedExports, idioms, fullFolders, commentShare } =
  measure(treeHere());

it(`no folder holds more than ${MOST_FILES} source files, but for those with a reason`, () => {
  expect(Object.keys(fullFolders).filter((folder) => !(folder in FULL))).toEqual([]);
});

it('each type has one home', () => {
  expect(Object.keys(repeatedTypes).length).toBeLessThanOrEqual(1);
});

it('what a package exports is used elsewhere or shown in a document', () => {
  expect(unusedExports.length).toBe(0);
});

it('what a package exports is described', () => {
  expect(1 - undocumentedExports.length / promisedExports).toBe(1);
});

it('sentences name their subject', () => {
  expect(Object.values(idioms).reduce((a, b) => a + b, 0)).toBeLessThanOrEqual(1);
});

it('comments say why', () => {
  expect(commentShare).toBeGreaterThanOrEqual(0.12);
});
