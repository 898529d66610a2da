// Templates that use what published ones use, and conversations, for rendering beside Python's Jinja.

const TALK = [
  { role: 'system', content: ' Be brief.\n' },
  { role: 'user', content: '\n Hi 1 ' },
  { role: 'assistant', content: '<think>\n\nhm\n</think>\n\n Hello ' },
  { role: 'user', content: '' },
] as const;

export const CONVERSATIONS = [TALK, TALK.slice(1), TALK.slice(0, 2), TALK.slice(1, 2)] as const;

export const TEMPLATES: Readonly<Record<string, string>> = {
  // Thoughts are cut from earlier answers, by strips with arguments.
  thinking: `
{%- if tools %}TOOLS{%- endif %}
{%- if messages[0].role == 'system' %}{{- '<|s|>' + messages[0].content.strip('\\n') + '\\n' }}{%- endif %}
{%- set ns = namespace(last=messages|length - 1, on=true) %}
{%- for message in messages[::-1] %}
  {%- set index = (messages|length - 1) - loop.index0 %}
  {%- if ns.on and message.role == 'user' and message.content is string and not message.content.startswith('<x>') %}
    {%- set ns.on = false %}{%- set ns.last = index %}
  {%- endif %}
{%- endfor %}
{%- for message in messages %}
  {%- if message.role == 'assistant' %}
    {%- set content = message.content %}{%- set thought = '' %}
    {%- if '</think>' in content %}
      {%- set thought = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
      {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
    {%- endif %}
    {{- '<|a|>' + (thought if loop.index0 > ns.last else '') + content.rstrip(' ol') }}
  {%- elif message.role != 'system' or not loop.first %}
    {{- '<|' + message.role + '|>' + message.content + '<|end|>' }}
  {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|a|>' }}{%- if enable_thinking is defined and enable_thinking is false %}NO{%- endif %}{%- endif %}`,
  // Dates, tools that are none and headers.
  headers: `{{- bos_token }}
{%- if not date_string is defined %}{%- set date_string = "26 Jul 2024" %}{%- endif %}
{%- if not tools is defined %}{%- set tools = 'undefined' %}{%- endif %}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|h|>system<|/h|>\\n\\n" }}
{%- if tools is not none %}{{- "Environment: ipython\\n" }}{%- endif %}
{%- if documents is not none %}{{- "Documents\\n" }}{%- endif %}
{{- "Today: " + date_string + "\\n\\n" + system_message + "<|eot|>" }}
{%- for message in messages %}
    {{- '<|h|>' + message['role'] + '<|/h|>\\n\\n' + message['content'] | trim + '<|eot|>' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|h|>assistant<|/h|>\\n\\n' }}{%- endif %}`,
  // What is written of values that are no texts.
  printing: `{{ add_generation_prompt }}|{{ tools }}|{{ missing }}|{{ 'a' ~ true ~ none ~ 1 ~ 1.5 ~ missing }}
{%- set x = none %}|{{ x }}|{{ messages|length == 3 }}{% if false %}y{% endif %}{{ 7 // 2 }}{{ 7 / 2 }}
{%- for m in messages %}{{ m.nothing }}{{ m.content == '' }}{% endfor %}{{ 'x' if false }}`,
  // The system text goes into the first user turn; roles alternate.
  alternating: `{{ bos_token }}
{%- if messages[0]['role'] == 'system' -%}
    {%- set first_user_prefix = messages[0]['content'] + '\\n\\n' -%}
    {%- set loop_messages = messages[1:] -%}
{%- else -%}
    {%- set first_user_prefix = "" -%}
    {%- set loop_messages = messages -%}
{%- endif -%}
{%- for message in loop_messages -%}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}
        {{ raise_exception("Conversation roles must alternate user/assistant/user/assistant/...") }}
    {%- endif -%}
    {%- if (message['role'] == 'assistant') -%}{%- set role = "model" -%}{%- else -%}{%- set role = message['role'] -%}{%- endif -%}
    {{ '<turn>' + role + '\\n' + (first_user_prefix if loop.first else "") }}
    {%- if message['content'] is string -%}{{ message['content'] | trim }}{%- endif -%}
    {{ '</turn>\\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{'<turn>model\\n'}}{%- endif -%}`,
  // What Python and JavaScript take for equal.
  equality: `{% for m in messages %}{% if m.content != false %}[{{ m.content }}]{% endif %}{% if m.content == '' %}empty{% endif %}
{%- if m.missing == none %}N{% endif %}{% if m.missing is not defined %}U{% endif %}{% if 1 == true %}1{% endif %}{% if '1' == 1 %}x{% endif %}
{%- if [1, 'a'] == [1, 'a'] %}L{% endif %}{% if {'a': 1} == {'a': 1} %}O{% endif %}{% if 0 == '' %}y{% endif %}{% if 1 == 1.0 %}F{% endif %}
{%- if (m.tool_calls | default(none)) != none %}T{% endif %}{% endfor %}{{ messages[0].content.strip(' .') }}|{{ messages[0].content.lstrip() }}|{{ messages[0].content | trim }}`,
  // JSON in its styles, and values as they are written within others.
  json: `{{ messages | tojson }}{{ messages | tojson(indent=2) }}{{ messages[0] | tojson(sort_keys=true, separators=(',', ':')) }}
{%- set value = {'b': [1.0, 0.00001, 12345678901234567.0, -0.5, 7], 'a': {'é': 'ü"\\n', 'empty': {}, 'none': []}, "it's": true} %}
{{- value | tojson(ensure_ascii=true, indent=3) }}{{ value | string }}{{ value }}{{ [value, none] ~ '' }}{{ value.b[0] }}|{{ value.b[1] }}|{{ value.b[2] }}`,
  // A variable of one turn of a loop.
  scopes: `{% set seen = 'no' %}{% for m in messages %}{% set seen = m.role %}{% if loop.last %}{{ seen }}{% endif %}{% endfor %}{{ seen }}{% for i in range(2, 8, 3) %}{{ i }}{% endfor %}{% macro say(x, y='z') %}{{ x }}{{ y }}{% endmacro %}{{ say('a') }}{{ say('a', y='b') }}{{ messages[-1].role | upper }}{{ messages | length }}`,
};
