// Prompts are those of Python: templates that use what published ones use, rendered here and by transformers. Skipped where
// LUDIC_PYTHON, or python3, has no transformers.

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { compileJinja } from '../packages/models/src/text/jinja.ts';
import { CONVERSATIONS, TEMPLATES } from '../packages/models/testing/template-cases.ts';

const PYTHON = process.env.LUDIC_PYTHON ?? 'python3';
const isThere = spawnSync(PYTHON, ['-c', 'import transformers, jinja2'], { stdio: 'ignore' }).status === 0;
const SCRIPT = fileURLToPath(new URL('./python_templates.py', import.meta.url));

it.skipIf(!isThere)(
  'renders chat templates as transformers does',
  () => {
    const tokens = { bos_token: '<s>', eos_token: '</s>' };
    const input = JSON.stringify({ templates: Object.values(TEMPLATES), conversations: CONVERSATIONS, tokens });
    const { status, stdout, stderr } = spawnSync(PYTHON, [SCRIPT], { input, encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
    const theirs: readonly string[] = JSON.parse(stdout.trim().split('\n').at(-1)!);
    const ours = Object.values(TEMPLATES).flatMap((template) => {
      const render = compileJinja(template);
      return CONVERSATIONS.map((messages) =>
        render({ ...tokens, messages, tools: null, documents: null, add_generation_prompt: true }),
      );
    });
    expect(ours).toEqual(theirs);
  },
  120_000,
);
