// Prompts are those of Python: templates that use what published ones use, rendered here and by transformers, without tools
// and with them. Skipped where LUDIC_PYTHON, or python3, has no transformers.

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { compileJinja } from '../packages/models/src/text/jinja.ts';
import { makeChatTemplate } from '../packages/models/src/text/make-chat-template.ts';
import { type ChatMessage, templateMessage, templateTool } from '../packages/models/src/text/tools/conversation.ts';
import { CONVERSATIONS, TEMPLATES } from '../packages/models/testing/template-cases.ts';
import {
  SEVERAL_CALLS,
  TOOL_CONVERSATIONS,
  TOOL_TEMPLATES,
  TOOLS,
} from '../packages/models/testing/tool-template-cases.ts';

const PYTHON = process.env.LUDIC_PYTHON ?? 'python3';
const isThere = spawnSync(PYTHON, ['-c', 'import transformers, jinja2'], { stdio: 'ignore' }).status === 0;
const SCRIPT = fileURLToPath(new URL('./python_templates.py', import.meta.url));
const tokens = { bos_token: '<s>', eos_token: '</s>' };

interface Case {
  readonly template: string;
  readonly messages: readonly object[];
  readonly tools: readonly object[] | null;
}

function renderedByPython(cases: readonly Case[]): readonly string[] {
  const { status, stdout, stderr } = spawnSync(PYTHON, [SCRIPT], {
    input: JSON.stringify({ cases, tokens }),
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout.trim().split('\n').at(-1)!);
}

it.skipIf(!isThere)(
  'renders chat templates as transformers does',
  () => {
    const cases = Object.values(TEMPLATES).flatMap((template) =>
      CONVERSATIONS.map((messages) => ({ template, messages, tools: null })),
    );
    const ours = cases.map(({ template, messages }) =>
      compileJinja(template)({ ...tokens, messages, tools: null, documents: null, add_generation_prompt: true }),
    );
    expect(ours).toEqual(renderedByPython(cases));
  },
  120_000,
);

/** A message for Python, which parses the arguments of calls. */
function pythonMessage(message: ChatMessage): object {
  if (message.role !== 'assistant' || !message.toolCalls) return templateMessage(message);
  const { role, content, toolCalls } = message;
  const calls = toolCalls.map(({ id, name, arguments: text }) => ({
    id,
    type: 'function',
    function: { name, arguments: text },
  }));
  return { role, content, tool_calls: calls };
}

/** With its calls as text. */
function spelled(message: ChatMessage): object {
  if (message.role !== 'assistant' || !message.toolCalls) return templateMessage(message);
  const calls = message.toolCalls.map(
    ({ name, arguments: text }) => `<tool_call>\n{"name": "${name}", "arguments": ${text}}\n</tool_call>`,
  );
  return { role: 'assistant', content: calls.join('\n') };
}

it.skipIf(!isThere)(
  'renders tools, calls and results as transformers does, for each family',
  () => {
    const asked = Object.entries(TOOL_TEMPLATES).flatMap(([family, { source, several, leavesCallsOut }]) =>
      [...TOOL_CONVERSATIONS, ...(several ? SEVERAL_CALLS : [])].flatMap((messages) =>
        [TOOLS, []].map((tools) => ({ family, source, leavesCallsOut, messages, tools })),
      ),
    );
    const theirs = renderedByPython(
      asked.map(({ source, leavesCallsOut, messages, tools }) => ({
        template: source,
        messages: messages.map(leavesCallsOut ? spelled : pythonMessage),
        tools: tools.length > 0 ? tools.map(templateTool) : null,
      })),
    );
    for (const [i, { family, source, messages, tools }] of asked.entries()) {
      const ours = makeChatTemplate(source, tokens).render(messages, { addGenerationPrompt: true, tools });
      expect(ours, family).toBe(theirs[i]);
    }
  },
  120_000,
);
