// Entry `@ludic/policies/openai`: any endpoint that speaks OpenAI's chat completions. Needs `fetch` and nothing else.

export { type EndpointSettings, openaiPolicy } from './policy.ts';
