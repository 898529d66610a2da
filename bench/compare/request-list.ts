// About 200 requests, right and wrong, of every endpoint, in an order in which each finds what it needs.

export interface ListedRequest {
  readonly method: string;
  /** `{first}`: the id of the job that a request with `as: 'first'` started. */
  readonly path: string;
  readonly about: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Sent without the password. */
  readonly open?: true;
  /** What later requests call the job that this one starts, or the file whose ETag it has. */
  readonly as?: string;
  /** All jobs end before the next request. */
  readonly waits?: true;
  /** What is compared where the rest depends on the moment. */
  readonly only?: 'status' | 'headers';
}

type Fields = Readonly<Record<string, unknown>>;
type More = Partial<Omit<ListedRequest, 'method' | 'path'>>;

const JSON_TYPE = { 'content-type': 'application/json' };
const get = (path: string, more: More = {}): ListedRequest => ({ method: 'GET', path, about: '', ...more });
const send = (method: string, path: string, more: More = {}): ListedRequest => ({ method, path, about: '', ...more });

/** One request for each change of a right body; a field that is undefined is left out. */
function posts(path: string, base: Fields, changes: readonly Fields[], more: More = {}): ListedRequest[] {
  return changes.map((change) => ({
    method: 'POST',
    path,
    about: JSON.stringify(change, (_, value) => (value === undefined ? 'left out' : value)).slice(0, 120),
    headers: JSON_TYPE,
    body: JSON.stringify({ ...base, ...change }),
    ...more,
  }));
}

const TRAIN = {
  ...{ model_name: 'nano', env_type: 'tic_tac_toe', output_dir: 'first', learning_rate: 0.001, batch_size: 8 },
  ...{ group_size: 4, max_steps: 2, eval_episodes: 4, save_every: 1, tensor_parallel_size: 1 },
};
const EVALUATE = { model_path: 'nano', env_type: 'tic_tac_toe', eval_episodes: 3, seed: 4 };
const ROLLOUT = { model_path: 'nano', env_type: 'tic_tac_toe', seed: 4, max_steps: 4 };
const CHAT = {
  ...{ model: 'nano', seed: 1, max_tokens: 8, temperature: 0 },
  messages: [{ role: 'user', content: 'You are X.' }],
};

const OPEN = [
  get('/health-check', { open: true }),
  get('/docs', { open: true, only: 'headers' }),
  get('/', { open: true, only: 'headers' }),
  get('/nothing'),
  get('/jobs/../secret.txt'),
  get('/models/..%2f..%2fsecret.txt'),
  get('/models/nano/..%2fconfig.json'),
  ...[send('PUT', '/jobs'), send('DELETE', '/health-check'), get('/start-training'), send('POST', '/models')],
  send('HEAD', '/health-check', { open: true }),
  send('OPTIONS', '/jobs', {
    open: true,
    headers: { origin: 'https://page.example.org', 'access-control-request-method': 'GET' },
    about: 'from an allowed origin',
  }),
  send('OPTIONS', '/jobs', {
    open: true,
    headers: { origin: 'https://other.example.org', 'access-control-request-method': 'GET' },
    about: 'from another origin',
  }),
  get('/jobs', { headers: { origin: 'https://page.example.org' }, about: 'from an allowed origin' }),
  get('/health-check', { open: true, headers: { host: 'other.example.org' }, about: 'by another name' }),
  send('GET', '/', { open: true, headers: { host: 'ludic-health-check.example.org' }, about: 'host of a function' }),
  ...posts('/', ROLLOUT, [{}], {
    headers: { ...JSON_TYPE, host: 'ludic-generate-rollout.example.org' },
    about: 'host',
  }),
];

const WITHOUT_PASSWORD = [
  ...['/jobs', '/jobs/x', '/jobs/x/metrics', '/jobs/x/logs', '/jobs/x/episodes', '/jobs/x/events', '/models'].map(
    (path) => get(path, { open: true, about: 'without password' }),
  ),
  ...['/models/nano', '/models/nano/config.json', '/v1/models', '/v1/models/nano', '/environments', '/metrics'].map(
    (path) => get(path, { open: true, about: 'without password' }),
  ),
  ...['/start-training', '/evaluate-policy', '/generate-rollout', '/v1/chat/completions', '/jobs/x/cancel'].map(
    (path) => send('POST', path, { open: true, headers: JSON_TYPE, body: '{}', about: 'without password' }),
  ),
  send('DELETE', '/models/first', { open: true, about: 'without password' }),
  get('/jobs', { open: true, headers: { authorization: 'Basic abc' }, about: 'another scheme' }),
];

/** Bodies that are no request. */
const BODIES = ['/start-training', '/evaluate-policy', '/generate-rollout', '/v1/chat/completions'].flatMap((path) => [
  send('POST', path, { headers: JSON_TYPE, body: '{"a":', about: 'broken JSON' }),
  send('POST', path, { headers: JSON_TYPE, body: '[]', about: 'a list' }),
  send('POST', path, { headers: JSON_TYPE, body: '', about: 'no body' }),
  send('POST', path, { headers: { 'content-type': 'text/plain' }, body: '{}', about: 'text' }),
  send('POST', path, { headers: JSON_TYPE, body: '{}', about: 'no fields' }),
]);
const HUGE = send('POST', '/evaluate-policy', {
  headers: JSON_TYPE,
  body: JSON.stringify({ ...EVALUATE, model_path: 'x'.repeat(1_100_000) }),
  about: 'too large',
});

const TRAINED = [
  ...posts('/start-training', TRAIN, [{}], { as: 'first', waits: true }),
  ...posts('/start-training', TRAIN, [{ output_dir: '/tmp/second', env_type: 'key_door', env_size: 3, lora_rank: 2 }], {
    as: 'second',
    waits: true,
  }),
  ...posts('/start-training', TRAIN, [{ output_dir: 'third', recipe: 'auto', batch_size: 16, group_size: undefined }], {
    as: 'third',
    waits: true,
  }),
  ...posts('/start-training', TRAIN, [{ output_dir: 'fourth', model_name: 'first', warm_start: { steps: 1 } }], {
    as: 'fourth',
    waits: true,
  }),
];

const WRONG_TRAINING = posts('/start-training', { ...TRAIN, output_dir: 'never' }, [
  ...[{ output_dir: 'first' }, { output_dir: 'nano' }, { output_dir: '../x' }, { output_dir: undefined }],
  ...[{ model_name: 'missing' }, { model_name: undefined }, { model_name: '../x' }, { env_type: 'chess' }],
  ...[{ batch_size: 0 }, { batch_size: 7 }, { group_size: 3 }, { group_size: 1 }, { shards: 9 }, { max_steps: 0 }],
  ...[{ learning_rate: -1 }, { learning_rate: 'fast' }, { loss_type: 'ppo' }, { delta: 1 }, { epsilon: -1 }],
  ...[{ recipe: 'none' }, { recipe: 'key-door-soft' }, { lora_rank: 0 }, { lora_targets: ['x'] }, { onnx: ['int3'] }],
  ...[
    { warm_start: { player: 'x' } },
    { warm_start: 'x' },
    { history_strategy: 'x' },
    { env_size: 1 },
    { env_size: 40 },
  ],
  ...[
    { env_config: { x: 1 } },
    { env_config: { opponent: 'x' } },
    { unknown: 1 },
    { wandb_project: '../x' },
    { seed: -1 },
  ],
  ...[{ schedule: 'x' }, { beta: 'x' }, { credit: 'x' }, { discount: 2 }, { num_iterations: 0 }, { on_collapse: 'x' }],
  ...[{ temperature: -1 }, { max_grad_norm: -1 }, { precision: 'x' }, { tensor_parallel_size: 0 }, { password: 7 }],
]);

const EVALUATED = [
  ...posts('/evaluate-policy', EVALUATE, [
    ...[{}, { env_type: 'key_door' }, { model_path: 'first' }, { model_path: '/tmp/second', env_type: 'key_door' }],
    ...[{ history_strategy: 'FULL_HISTORY' }, { include_trajectories: false }, { sampling_params: { temperature: 1 } }],
    ...[{ env_config: { opponent: 'minimax' } }, { model_path: 'third', max_steps: 3 }],
  ]),
  ...posts('/evaluate-policy', EVALUATE, [{ async: true, model_path: 'first' }], { as: 'evaluation', waits: true }),
  ...posts('/evaluate-policy', EVALUATE, [
    ...[{ model_path: 'missing' }, { model_path: 'me/missing' }, { model_path: undefined }, { env_type: 'chess' }],
    ...[{ eval_episodes: 0 }, { eval_episodes: 2000 }, { sampling_params: { temperature: -1 } }, { unknown: 1 }],
    ...[
      { sampling_params: { top_p: 0 } },
      { sampling_params: { x: 1 } },
      { max_steps: 0 },
      { env_config: { size: 3 } },
    ],
  ]),
];

const ROLLED_OUT = posts('/generate-rollout', ROLLOUT, [
  ...[{}, { env_type: 'key_door' }, { model_path: 'first' }, { model_path: 'tmp-second', env_type: 'key_door' }],
  ...[
    { history_strategy: 'SCRATCHPAD' },
    { sampling_params: { temperature: 0, max_tokens: 2 } },
    { env_config: { x: 1 } },
  ],
  ...[{ sampling_params: { top_k: 3, top_p: 0.9 } }, { seed: -1 }, { model_path: 'missing' }, { model_path: '' }],
  ...[{ sampling_params: { max_tokens: 0 } }, { unknown: 1 }, { env_type: undefined }],
]);

const CHATTED = posts('/v1/chat/completions', CHAT, [
  ...[{}, { temperature: 1 }, { n: 2, temperature: 1 }, { logprobs: true, top_logprobs: 3 }, { stop: ['a', 'e'] }],
  ...[{ stop: 'a', include_stop_str_in_output: true }, { stream: true }, { model: 'first' }, { max_tokens: 1 }],
  ...[{ stream: true, stream_options: { include_usage: true } }, { stream: true, logprobs: true }, { top_k: 2 }],
  ...[{ max_completion_tokens: 3, max_tokens: undefined }, { user: 'me', min_p: 0, tools: [] }, { top_p: 0.5 }],
  ...[
    {
      messages: [
        { role: 'system', content: 'A' },
        { role: 'user', content: [{ type: 'text', text: 'B' }] },
      ],
    },
  ],
  ...[
    { tools: [{}] },
    { min_p: 0.1 },
    { response_format: { type: 'json_object' } },
    { unknown: 1 },
    { n: 0 },
    { n: 200 },
  ],
  ...[{ messages: [] }, { messages: undefined }, { messages: [{ role: 'x', content: 'A' }] }, { model: undefined }],
  ...[{ model: 'missing' }, { top_logprobs: 3 }, { temperature: 'x' }, { stop: [] }, { max_tokens: 0 }, { stop: '' }],
  ...[{ messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'x' } }] }] }],
]);

const JOBS = [
  ...['', '?limit=2', '?status=completed', '?status=failed', '?status=x', '?limit=0'].map((query) =>
    get(`/jobs${query}`),
  ),
  ...['{first}', '{second}', '{evaluation}', 'missing', `${'x'.repeat(200)}`].map((id) => get(`/jobs/${id}`)),
  ...['{first}', '{third}', '{evaluation}', 'missing', '{first}?after=1', '{first}?after=x'].map((id) =>
    get(`/jobs/${id.replace('?', '/metrics?')}${id.includes('?') ? '' : '/metrics'}`),
  ),
  ...['{first}/logs', '{first}/logs?tail=1', '{first}/logs?tail=0', 'missing/logs', '{evaluation}/logs'].map((path) =>
    get(`/jobs/${path}`),
  ),
  ...['{first}/episodes', '{first}/episodes?first=1', '{evaluation}/episodes', '{evaluation}/episodes?last=1'].map(
    (path) => get(`/jobs/${path}`),
  ),
  ...['{first}/events', '{evaluation}/events', 'missing/events'].map((path) => get(`/jobs/${path}`)),
  get('/jobs/{first}/events', { headers: { 'last-event-id': '2' }, about: 'after the second' }),
  get('/jobs/{first}/events', { headers: { 'last-event-id': 'x' }, about: 'after nonsense' }),
  ...['{first}/cancel', '{first}/resume', 'missing/cancel', 'missing/resume'].map((path) =>
    send('POST', `/jobs/${path}`),
  ),
  send('POST', '/jobs/{first}/cancel', { headers: JSON_TYPE, body: '{"x":1}', about: 'with a field' }),
  ...posts('/start-training', TRAIN, [{ output_dir: 'long', max_steps: 5000 }], { as: 'long' }),
  ...posts('/start-training', TRAIN, [{ output_dir: 'waiting' }], { as: 'waiting' }),
  send('DELETE', '/models/long', { about: 'while it is trained' }),
  send('POST', '/jobs/{waiting}/resume', { about: 'while it waits' }),
  send('POST', '/jobs/{waiting}/cancel'),
  send('POST', '/jobs/{long}/cancel', { only: 'status', waits: true }),
  get('/jobs/{waiting}'),
  send('POST', '/jobs/{waiting}/resume', { waits: true, about: 'after it was cancelled' }),
  get('/jobs/{waiting}', { about: 'after it was resumed' }),
];

const MODEL_FILE = '/models/first/model.safetensors';
const MODELS = [
  ...['/environments', '/metrics', '/v1/models', '/v1/models/nano', '/v1/models/first', '/v1/models/missing'].map(
    (path) => get(path),
  ),
  ...['/models', '/models/nano', '/models/first', '/models/second', '/models/tmp-second', '/models/missing'].map(
    (path) => get(path),
  ),
  ...['config.json', 'tokenizer.json', 'missing', 'final', '../first/config.json'].map((file) =>
    get(`/models/nano/${file}`),
  ),
  ...['config.json', 'metrics.jsonl', 'model.safetensors/x', 'run.lock', 'ludic.json'].map((file) =>
    get(`/models/first/${file}`, file === 'metrics.jsonl' ? { only: 'status' } : {}),
  ),
  get('/models/nano/config.json', { as: 'config' }),
  get('/models/nano/config.json', { headers: { 'if-none-match': '{config.etag}' }, about: 'that the client has' }),
  get(MODEL_FILE, { as: 'weights' }),
  ...['bytes=0-99', 'bytes=100-', 'bytes=-50', 'bytes=99999999-', 'bytes=5-2', 'bytes=0-1,3-4', 'lines=1-2'].map(
    (range) => get(MODEL_FILE, { headers: { range }, about: range }),
  ),
  get(MODEL_FILE, { headers: { range: 'bytes=10-19', 'if-range': '{weights.etag}' }, about: 'of the same file' }),
  get(MODEL_FILE, { headers: { range: 'bytes=10-19', 'if-range': '"other"' }, about: 'of another file' }),
  send('HEAD', MODEL_FILE),
  ...['nano', 'missing', 'third', 'third'].map((name) => send('DELETE', `/models/${name}`)),
  get('/models', { about: 'after one was deleted' }),
];

/** The last: they slow this address down, by the clock. */
const WRONG_PASSWORDS = [
  ...posts('/generate-rollout', ROLLOUT, [{ password: 'wrong' }], { open: true }),
  ...posts('/generate-rollout', ROLLOUT, [{ password: 'correct horse battery' }], { open: true }),
  get('/jobs', { open: true, headers: { authorization: 'Bearer wrong' }, about: 'with a wrong password' }),
];

export const REQUESTS: readonly ListedRequest[] = [
  ...[OPEN, WITHOUT_PASSWORD, BODIES, HUGE, TRAINED, WRONG_TRAINING, EVALUATED, ROLLED_OUT, CHATTED, JOBS, MODELS],
  WRONG_PASSWORDS,
].flat();
