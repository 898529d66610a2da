// A tree as modules: what each file declares, exports and imports, read by the parser that Vite brings.

import { dirname, join, normalize } from 'node:path/posix';
import { parseSync } from 'vite';
import type { Tree } from './tree.ts';

export interface Declaration {
  readonly name: string;
  readonly isType: boolean;
  /** A doc comment stands right before it. */
  readonly isDocumented: boolean;
  /** What others see of it: without the body of a function. */
  readonly signature: string;
}

export interface Module {
  readonly path: string;
  readonly text: string;
  readonly codeLines: number;
  readonly commentLines: number;
  /** Of the module itself, not within functions. */
  readonly declarations: readonly Declaration[];
  /** By exported name: the name here, or in the module that it comes from. `*` stands for all. */
  readonly exports: readonly { readonly name: string; readonly local: string; readonly from?: string }[];
  /** Names taken from other modules, re-exports included; `*` where all are. */
  readonly imports: readonly { readonly from: string; readonly name: string }[];
}

export type Modules = ReadonlyMap<string, Module>;

export const modulesOf = (tree: Tree): Modules =>
  new Map(
    [...tree].filter(([path]) => /\.tsx?$/.test(path)).map(([path, text]) => [path, parseModule(path, text)] as const),
  );

function parseModule(path: string, text: string): Module {
  const { program, comments, module, errors } = parseSync(path, text);
  if (errors.length > 0) throw new Error(`${path}: ${errors[0]!.message}`);
  const docs = comments.filter(({ type, value }) => type === 'Block' && value.startsWith('*'));
  const isDocumented = (start: number) => docs.some(({ end }) => end <= start && text.slice(end, start).trim() === '');
  const declarations = program.body.flatMap((statement): Declaration[] => {
    const isExport = statement.type === 'ExportNamedDeclaration';
    const declared = isExport ? statement.declaration : statement;
    if (!declared) return [];
    const documented = isDocumented(statement.start);
    const body = declared.type === 'FunctionDeclaration' ? declared.body : undefined;
    const signature = text.slice(declared.start, body?.start ?? declared.end);
    const described = { isDocumented: documented, signature };
    switch (declared.type) {
      case 'TSInterfaceDeclaration':
      case 'TSTypeAliasDeclaration':
        return [{ name: declared.id.name, isType: true, ...described }];
      case 'ClassDeclaration':
        return [{ name: declared.id?.name ?? '', isType: true, ...described }];
      case 'FunctionDeclaration':
        return [{ name: declared.id?.name ?? '', isType: false, ...described }];
      case 'VariableDeclaration':
        return declared.declarations.flatMap(({ id }) =>
          id.type === 'Identifier' ? [{ name: id.name, isType: false, ...described }] : [],
        );
      default:
        return [];
    }
  });
  const resolved = (from: string) => (from.startsWith('.') ? normalize(join(dirname(path), from)) : from);
  const exports = module.staticExports.flatMap(({ entries }) =>
    entries.map(({ exportName, localName, importName, moduleRequest }) => ({
      name: exportName.name ?? (exportName.kind === 'Default' ? 'default' : '*'),
      local: importName.name ?? localName.name ?? '*',
      ...(moduleRequest && { from: resolved(moduleRequest.value) }),
    })),
  );
  const imports = [
    ...module.staticImports.flatMap(({ moduleRequest, entries }) =>
      entries.map(({ importName }) => ({ from: resolved(moduleRequest.value), name: importName.name ?? '*' })),
    ),
    ...exports.flatMap(({ from, local }) => (from === undefined ? [] : [{ from, name: local }])),
    // Also as types: import('./x.ts').Name.
    ...[...text.matchAll(/\bimport\('([^']+)'\)/g)].map(([, from]) => ({ from: resolved(from!), name: '*' })),
  ];
  return { path, text, ...countLines(text, comments), declarations, exports, imports };
}

function countLines(text: string, comments: readonly { start: number; end: number }[]) {
  const chars = text.split('');
  for (const { start, end } of comments) for (let i = start; i < end; i++) if (chars[i] !== '\n') chars[i] = '\0';
  const lines = chars.join('').split('\n');
  const codeLines = lines.filter((line) => line.replaceAll('\0', '').trim() !== '').length;
  const commentLines = lines.filter((line) => line.includes('\0')).length - lines.filter(isMixed).length;
  return { codeLines, commentLines };
}

const isMixed = (line: string) => line.includes('\0') && line.replaceAll('\0', '').trim() !== '';
