// Chat templates in the shape of the families that call tools: their marks, their loops and the features of Jinja that they
// use, with few words of their own. And conversations, for rendering beside transformers.

import type { ChatMessage, Tool, ToolFormat } from '../src/index.ts';

export const TOOLS: readonly Tool[] = [
  {
    name: 'weather',
    description: 'Tells the weather — "as it is".',
    parameters: {
      type: 'object',
      properties: {
        city: { type: 'string', description: "The city's name", enum: ['Rome', 'Kraków'] },
        days: { type: 'integer', minimum: 0.5 },
        options: { type: 'object', properties: { unit: { type: 'string' } }, nullable: true, default: null },
        tags: { type: 'array', items: { type: 'string' } },
      },
      required: ['city'],
    },
  },
  { name: 'time', description: '', parameters: { type: 'object', properties: {}, additionalProperties: false } },
];

const CALL = {
  id: 'abcdefgh1',
  name: 'weather',
  arguments: '{"city": "Kraków", "days": 2, "options": {"unit": "it\'s \\"C\\""}}',
};
const OTHER = { id: 'abcdefgh2', name: 'time', arguments: '{}' };
const VALUES = {
  id: 'abcdefgh3',
  name: 'weather',
  arguments:
    '{"list": [1, -2.5, true, null, "x"], "deep": {"a": {"b": []}}, "2": 10.0, "1": 1e-7, "n": [12345678901234567890, 1e16, 2E2]}',
};

const ASKED: readonly ChatMessage[] = [
  { role: 'system', content: 'Be brief.' },
  { role: 'user', content: 'How is it?' },
];
const one = (call: typeof CALL): readonly ChatMessage[] => [
  { role: 'assistant', content: '', toolCalls: [call] },
  { role: 'tool', content: '{"sky": "blue\\n"}', toolCallId: call.id, name: call.name },
];
const ANSWERED: readonly ChatMessage[] = [
  ...ASKED,
  ...one(CALL),
  { role: 'assistant', content: 'It is fine.' },
  { role: 'user', content: 'And now?' },
];

/** What each family may be given. Llama's and Mistral's templates raise on several calls at once, or on text beside them. */
export const TOOL_CONVERSATIONS: readonly (readonly ChatMessage[])[] = [
  ASKED,
  ASKED.slice(1),
  [...ASKED, ...one(CALL)],
  [...ASKED, ...one(VALUES), ...one(OTHER)],
  ANSWERED,
  [...ANSWERED, ...one(OTHER)],
];
export const SEVERAL_CALLS: readonly (readonly ChatMessage[])[] = [
  [
    ...ASKED,
    { role: 'assistant', content: 'Let me look.', toolCalls: [CALL, OTHER] },
    { role: 'tool', content: 'Fine.', toolCallId: CALL.id, name: CALL.name },
    { role: 'tool', content: 'Noon.', toolCallId: OTHER.id, name: OTHER.name },
  ],
];

/** A family's template. */
export interface ToolTemplateCase {
  readonly format: ToolFormat;
  /** What stands before and after a reply. */
  readonly around: readonly [string, string];
  readonly source: string;
  /** It takes several calls in a message. */
  readonly several: boolean;
  /** It would leave calls out, so that they are given to it as text. */
  readonly leavesCallsOut?: true;
}

export const TOOL_TEMPLATES: Readonly<Record<string, ToolTemplateCase>> = {
  'Qwen2.5 and Hermes': {
    format: 'hermes',
    around: ['<|im_start|>assistant\n', '<|im_end|>'],
    several: true,
    source: `
{%- if tools %}
    {{- '<|im_start|>system\\n' }}
    {%- if messages[0]['role'] == 'system' %}{{- messages[0]['content'] }}{%- else %}{{- 'You help.' }}{%- endif %}
    {{- "\\n\\n# Tools\\n\\n<tools>" }}
    {%- for tool in tools %}{{- "\\n" }}{{- tool | tojson }}{%- endfor %}
    {{- "\\n</tools>\\n\\nCall so:\\n<tool_call>\\n{\\"name\\": <name>, \\"arguments\\": <object>}\\n</tool_call><|im_end|>\\n" }}
{%- else %}
    {%- if messages[0]['role'] == 'system' %}{{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}{%- endif %}
{%- endif %}
{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) or (message.role == "assistant" and not message.tool_calls) %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {{- '<|im_start|>' + message.role }}
        {%- if message.content %}{{- '\\n' + message.content }}{%- endif %}
        {%- for tool_call in message.tool_calls %}
            {%- if tool_call.function is defined %}{%- set tool_call = tool_call.function %}{%- endif %}
            {{- '\\n<tool_call>\\n{"name": "' }}{{- tool_call.name }}{{- '", "arguments": ' }}{{- tool_call.arguments | tojson }}{{- '}\\n</tool_call>' }}
        {%- endfor %}
        {{- '<|im_end|>\\n' }}
    {%- elif message.role == "tool" %}
        {%- if (loop.index0 == 0) or (messages[loop.index0 - 1].role != "tool") %}{{- '<|im_start|>user' }}{%- endif %}
        {{- '\\n<tool_response>\\n' }}{{- message.content }}{{- '\\n</tool_response>' }}
        {%- if loop.last or (messages[loop.index0 + 1].role != "tool") %}{{- '<|im_end|>\\n' }}{%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}
`,
  },
  Qwen3: {
    format: 'hermes',
    around: ['<|im_start|>assistant\n', '<|im_end|>'],
    several: true,
    source: `
{%- if tools %}{{- '<|im_start|>system\\n' }}{%- if messages[0].role == 'system' %}{{- messages[0].content + '\\n\\n' }}{%- endif %}
    {{- "# Tools\\n<tools>" }}{%- for tool in tools %}{{- "\\n" }}{{- tool | tojson }}{%- endfor %}{{- "\\n</tools>\\n<tool_call>…</tool_call><|im_end|>\\n" }}
{%- elif messages[0].role == 'system' %}{{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}{%- endif %}
{%- set ns = namespace(multi_step_tool=true, last_query_index=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.multi_step_tool and message.role == "user" and message.content is string and not(message.content.startswith('<tool_response>') and message.content.endswith('</tool_response>')) %}
        {%- set ns.multi_step_tool = false %}{%- set ns.last_query_index = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if message.content is string %}{%- set content = message.content %}{%- else %}{%- set content = '' %}{%- endif %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {%- set reasoning_content = '' %}
        {%- if message.reasoning_content is string %}{%- set reasoning_content = message.reasoning_content %}{%- endif %}
        {{- '<|im_start|>' + message.role + '\\n' }}
        {%- if loop.index0 > ns.last_query_index and (loop.last or (not loop.last and reasoning_content)) %}
            {{- '<think>\\n' + reasoning_content.strip('\\n') + '\\n</think>\\n\\n' + content.lstrip('\\n') }}
        {%- else %}{{- content }}{%- endif %}
        {%- if message.tool_calls %}
            {%- for tool_call in message.tool_calls %}
                {%- if (loop.first and content) or (not loop.first) %}{{- '\\n' }}{%- endif %}
                {%- if tool_call.function %}{%- set tool_call = tool_call.function %}{%- endif %}
                {{- '<tool_call>\\n{"name": "' }}{{- tool_call.name }}{{- '", "arguments": ' }}
                {%- if tool_call.arguments is string %}{{- tool_call.arguments }}{%- else %}{{- tool_call.arguments | tojson }}{%- endif %}
                {{- '}\\n</tool_call>' }}
            {%- endfor %}
        {%- endif %}
        {{- '<|im_end|>\\n' }}
    {%- elif message.role == "tool" %}
        {%- if loop.first or (messages[loop.index0 - 1].role != "tool") %}{{- '<|im_start|>user' }}{%- endif %}
        {{- '\\n<tool_response>\\n' }}{{- content }}{{- '\\n</tool_response>' }}
        {%- if loop.last or (messages[loop.index0 + 1].role != "tool") %}{{- '<|im_end|>\\n' }}{%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}
`,
  },
  'Llama 3': {
    format: 'llama3',
    around: ['assistant<|end_header_id|>\n\n', '<|eot_id|>'],
    several: false,
    source: `{{- bos_token }}
{%- if custom_tools is defined %}{%- set tools = custom_tools %}{%- endif %}
{%- if not tools_in_user_message is defined %}{%- set tools_in_user_message = true %}{%- endif %}
{%- if not tools is defined %}{%- set tools = none %}{%- endif %}
{%- if messages[0]['role'] == 'system' %}{%- set system_message = messages[0]['content']|trim %}{%- set messages = messages[1:] %}{%- else %}{%- set system_message = "" %}{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{%- if builtin_tools is defined or tools is not none %}{{- "Environment: ipython\\n" }}{%- endif %}
{%- if builtin_tools is defined %}{{- "Tools: " + builtin_tools | reject('equalto', 'code_interpreter') | join(", ") + "\\n\\n"}}{%- endif %}
{{- system_message }}{{- "<|eot_id|>" }}
{%- if tools_in_user_message and not tools is none %}
    {%- if messages | length != 0 %}{%- set first_user_message = messages[0]['content']|trim %}{%- set messages = messages[1:] %}
    {%- else %}{{- raise_exception("There is no user message.") }}{%- endif %}
    {{- '<|start_header_id|>user<|end_header_id|>\\n\\n' -}}
    {{- 'Call so: {"name": function name, "parameters": dictionary}.\\n\\n' }}
    {%- for t in tools %}{{- t | tojson(indent=4) }}{{- "\\n\\n" }}{%- endfor %}
    {{- first_user_message + "<|eot_id|>"}}
{%- endif %}
{%- for message in messages %}
    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' }}
    {%- elif 'tool_calls' in message %}
        {%- if not message.tool_calls|length == 1 %}{{- raise_exception("One call at once!") }}{%- endif %}
        {%- set tool_call = message.tool_calls[0].function %}
        {%- if builtin_tools is defined and tool_call.name in builtin_tools %}
            {{- "<|python_tag|>" + tool_call.name + ".call(" }}
        {%- else  %}
            {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' -}}
            {{- '{"name": "' + tool_call.name + '", ' }}{{- '"parameters": ' }}{{- tool_call.arguments | tojson }}{{- "}" }}
        {%- endif %}
        {{- "<|eot_id|>" }}
    {%- elif message.role == "tool" or message.role == "ipython" %}
        {{- "<|start_header_id|>ipython<|end_header_id|>\\n\\n" }}
        {%- if message.content is mapping or message.content is iterable %}{{- message.content | tojson }}{%- else %}{{- message.content }}{%- endif %}
        {{- "<|eot_id|>" }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{%- endif %}
`,
  },
  Mistral: {
    format: 'mistral',
    around: ['[/INST]', '</s>'],
    several: false,
    source: `{{- bos_token }}
{%- if messages[0]["role"] == "system" %}{%- set system_message = messages[0]["content"] %}{%- set loop_messages = messages[1:] %}{%- else %}{%- set loop_messages = messages %}{%- endif %}
{%- if not tools is defined %}{%- set tools = none %}{%- endif %}
{%- set user_messages = loop_messages | selectattr("role", "equalto", "user") | list %}
{%- set ns = namespace() %}{%- set ns.index = 0 %}
{%- for message in loop_messages %}
    {%- if not (message.role == "tool" or message.role == "tool_results" or (message.tool_calls is defined and message.tool_calls is not none)) %}
        {%- if (message["role"] == "user") != (ns.index % 2 == 0) %}{{- raise_exception("Roles must alternate.") }}{%- endif %}
        {%- set ns.index = ns.index + 1 %}
    {%- endif %}
{%- endfor %}
{%- for message in loop_messages %}
    {%- if message["role"] == "user" %}
        {%- if tools is not none and (message == user_messages[-1]) %}
            {{- "[AVAILABLE_TOOLS] [" }}
            {%- for tool in tools %}
                {%- set tool = tool.function %}
                {{- '{"type": "function", "function": {' }}
                {%- for key, val in tool.items() if key != "return" %}
                    {%- if val is string %}{{- '"' + key + '": "' + val + '"' }}{%- else %}{{- '"' + key + '": ' + val|tojson }}{%- endif %}
                    {%- if not loop.last %}{{- ", " }}{%- endif %}
                {%- endfor %}
                {{- "}}" }}
                {%- if not loop.last %}{{- ", " }}{%- else %}{{- "]" }}{%- endif %}
            {%- endfor %}
            {{- "[/AVAILABLE_TOOLS]" }}
        {%- endif %}
        {%- if loop.last and system_message is defined %}{{- "[INST] " + system_message + "\\n\\n" + message["content"] + "[/INST]" }}
        {%- else %}{{- "[INST] " + message["content"] + "[/INST]" }}{%- endif %}
    {%- elif message.tool_calls is defined and message.tool_calls is not none %}
        {{- "[TOOL_CALLS] [" }}
        {%- for tool_call in message.tool_calls %}
            {%- set out = tool_call.function|tojson %}{{- out[:-1] }}
            {%- if not tool_call.id is defined or tool_call.id|length != 9 %}{{- raise_exception("An id has nine characters.") }}{%- endif %}
            {{- ', "id": "' + tool_call.id + '"}' }}
            {%- if not loop.last %}{{- ", " }}{%- else %}{{- "]" + eos_token }}{%- endif %}
        {%- endfor %}
    {%- elif message["role"] == "assistant" %}
        {{- " " + message["content"]|trim + eos_token}}
    {%- elif message["role"] == "tool_results" or message["role"] == "tool" %}
        {%- if message.content is defined and message.content.content is defined %}{%- set content = message.content.content %}{%- else %}{%- set content = message.content %}{%- endif %}
        {{- '[TOOL_RESULTS] {"content": ' + content|string + ", " }}
        {%- if not message.tool_call_id is defined or message.tool_call_id|length != 9 %}{{- raise_exception("An id has nine characters.") }}{%- endif %}
        {{- '"call_id": "' + message.tool_call_id + '"}[/TOOL_RESULTS]' }}
    {%- else %}{{- raise_exception("What role is that?") }}{%- endif %}
{%- endfor %}
`,
  },
  SmolLM3: {
    format: 'hermes',
    around: ['<|im_start|>assistant\n', '<|im_end|>'],
    several: false,
    leavesCallsOut: true,
    source: `
{%- if messages[0].role == "system" -%}{%- set system_message = messages[0].content -%}{%- set messages = messages[1:] -%}{%- endif -%}
{{- "<|im_start|>system\\n" -}}
{%- if system_message -%}{{- system_message.replace("/no_think", "").rstrip() + "\\n\\n" -}}{%- endif -%}
{%- if xml_tools or python_tools or tools -%}
  {%- if tools -%}{%- set xml_tools = tools -%}{%- endif -%}
  {%- set ns = namespace(xml_tool_string="Tools:\\n<tools>\\n") -%}
  {%- for tool in xml_tools[:] -%}{%- set ns.xml_tool_string = ns.xml_tool_string ~ (tool | string) ~ "\\n" -%}{%- endfor -%}
  {{- ns.xml_tool_string + "</tools>\\n<tool_call>\\n{\\"name\\": <name>, \\"arguments\\": <object>}\\n</tool_call>" -}}
{%- endif -%}
{{- "<|im_end|>\\n" -}}
{%- for message in messages -%}
  {%- set content = message.content if message.content is string else "" -%}
  {%- if message.role == "user" -%}{{ "<|im_start|>" + message.role + "\\n"  + content + "<|im_end|>\\n" }}
  {%- elif message.role == "assistant" -%}
    {% generation %}{{ "<|im_start|>assistant\\n" + content.lstrip("\\n") + "<|im_end|>\\n" }}{% endgeneration %}
  {%- elif message.role == "tool" -%}{{ "<|im_start|>" + "user\\n"  + content + "<|im_end|>\\n" }}
  {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ "<|im_start|>assistant\\n" + "<think>\\n\\n</think>\\n"  }}{%- endif -%}
`,
  },
  'Phi-4-mini': {
    format: 'phi',
    around: ['<|assistant|>', '<|end|>'],
    several: true,
    source: `{%- if messages[0]["role"] == "system" %}{%- set system_message = messages[0]["content"] %}{% elif tools is defined and tools -%}{%- set system_message = "" -%}{%- endif %}
{%- if system_message is defined -%}
    {{- '<|system|>' + system_message -}}
    {%- if tools -%}{% for tool in tools %}{{- '<|tool|>' + (tool['function'] | tojson) + '<|/tool|>' -}}{% endfor %}{%- endif -%}
    {{- '<|end|>' -}}
{%- endif -%}
{%- for message in messages -%}
    {%- if message['role'] == 'tool' -%}{{- '<|tool_response|>' + (message['content'] | tojson) + '<|end|>' -}}
    {%- elif message['role'] != 'system' -%}
        {{- '<|' + message['role'] + '|>' -}}{%- if message.content -%}{{- message['content'] -}}{%- endif -%}
        {%- for tool_call in message.tool_calls -%}{{- '<|tool_call|>' + (tool_call['function'] | tojson) + '<|/tool_call|>' -}}{%- endfor -%}
        {{- '<|end|>' -}}
    {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|assistant|>' -}}{%- else -%}{{- eos_token -}}{%- endif -%}
`,
  },
  Gemma: {
    format: 'function_gemma',
    around: ['<start_of_turn>model\n', ''],
    several: true,
    source: `{%- macro literal(value, escape_keys=True) -%}
    {%- if value is string -%}{{- '<escape>' + value + '<escape>' -}}
    {%- elif value is boolean -%}{{- 'true' if value else 'false' -}}
    {%- elif value is mapping -%}
        {{- '{' -}}
        {%- set ns = namespace(found_first=false) -%}
        {%- for key, entry in value | dictsort -%}
            {%- if ns.found_first %},{% endif -%}{%- set ns.found_first = true -%}
            {%- if escape_keys -%}{{- '<escape>' + key + '<escape>' -}}{%- else -%}{{- key -}}{%- endif -%}
            :{{- literal(entry, escape_keys=escape_keys) -}}
        {%- endfor -%}
        {{- '}' -}}
    {%- elif value is sequence -%}
        {{- '[' -}}{%- for item in value -%}{{- literal(item, escape_keys=escape_keys) -}}{%- if not loop.last %},{% endif -%}{%- endfor -%}{{- ']' -}}
    {%- elif value is none -%}null
    {%- else -%}{{- value -}}{%- endif -%}
{%- endmacro -%}
{{ bos_token }}
{%- set loop_messages = messages -%}
{%- if tools or messages[0]['role'] in ['system', 'developer'] -%}
    {{- '<start_of_turn>developer\\n' -}}
    {%- if messages[0]['role'] in ['system', 'developer'] -%}{{- messages[0]['content'] | trim -}}{%- set loop_messages = messages[1:] -%}{%- endif -%}
    {%- if tools -%}
        {%- for tool in tools %}
            {{- '<start_function_declaration>declaration:' + tool['function']['name'] -}}
            {description:<escape>{{- tool['function']['description'] -}}<escape>
            {%- set params = tool['function']['parameters'] -%}
            {%- if params -%}
                ,parameters:{
                {%- for key, value in params['properties'] | dictsort -%}
                    {{- key -}}:{type:<escape>{{- value['type'] | upper -}}<escape>{% if value['nullable'] %},nullable:true{% endif %}}
                    {%- if not loop.last %},{% endif -%}
                {%- endfor -%}
                {%- if params['required'] -%},required:{{- literal(params['required']) -}}{%- endif -%}
                }
            {%- endif -%}
            {{- '}<end_function_declaration>' -}}
        {%- endfor %}
    {%- endif -%}
    {{- '<end_of_turn>\\n' -}}
{%- endif %}
{%- set ns = namespace(prev=None) -%}
{%- for message in loop_messages -%}
    {%- set role = 'model' if message['role'] == 'assistant' else message['role'] -%}
    {%- if message['role'] == 'tool' -%}
        {{- '<start_function_response>response:' + (message['name'] | default('unknown')) + '{value:' + literal(message['content'], escape_keys=False) + '}<end_function_response>' -}}
        {%- set ns.prev = 'tool_response' -%}
    {%- else -%}
        {{- '<start_of_turn>' + role + '\\n' -}}
        {%- if message['content'] is string -%}{{- message['content'] | trim -}}{%- endif -%}
        {%- for call in message['tool_calls'] or [] -%}
            {{- '<start_function_call>call:' + call['function']['name'] + '{' -}}
            {%- for key, value in call['function']['arguments'] | dictsort -%}{{- key -}}:{{- literal(value, escape_keys=False) -}}{%- if not loop.last %},{% endif -%}{%- endfor -%}
            {{- '}<end_function_call>' -}}
        {%- endfor -%}
        {%- set ns.prev = 'tool_call' if message['tool_calls'] else 'text' -%}
        {%- if not message['tool_calls'] -%}{{- '<end_of_turn>\\n' -}}{%- endif -%}
    {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt and ns.prev != 'tool_response' -%}{{- '<start_of_turn>model\\n' -}}{%- endif -%}
`,
  },
};
