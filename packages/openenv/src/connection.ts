// A connection to a server of OpenEnv: one question at a time, and its answer.

import { isObject, type JsonObject, parseObject } from '@ludic/io';

/** What a server says of a reset or a step. */
export interface StepData {
  readonly observation: JsonObject;
  readonly reward?: number | boolean | null;
  readonly done: boolean;
}

/** Characters of what a server says of its fault. */
const LONGEST_REASON = 300;

export class OpenEnvConnection {
  readonly #socket: WebSocket;
  readonly #http: string;
  #waiting: PromiseWithResolvers<string> | undefined;
  #ended: string | undefined;

  private constructor(socket: WebSocket, http: string) {
    this.#socket = socket;
    this.#http = http;
    socket.addEventListener('message', ({ data }) => this.#waiting?.resolve(String(data)));
    socket.addEventListener('close', ({ reason }) => this.#end(`closed the connection${reason && `: ${reason}`}`));
    socket.addEventListener('error', () => this.#end('broke the connection off'));
  }

  /** @throws Error where there is no such server */
  static async open(url: string): Promise<OpenEnvConnection> {
    const base = url.replace(/\/+$/, '').replace(/^http/, 'ws');
    const socket = new WebSocket(`${base}/ws`);
    const opened = Promise.withResolvers<void>();
    socket.addEventListener('open', () => opened.resolve(), { once: true });
    socket.addEventListener('error', () => opened.reject(new Error(`no server of OpenEnv answers at ${url}`)), {
      once: true,
    });
    await opened.promise;
    return new OpenEnvConnection(socket, base.replace(/^ws/, 'http'));
  }

  /** @throws Error with what the server says of its fault, or where its answer is none */
  async ask(type: 'reset' | 'step', data: JsonObject): Promise<StepData> {
    const answer = parseObject(await this.#answerTo(JSON.stringify({ type, data })));
    if (answer?.type === 'error') throw new Error(`the server says: ${faultOf(answer.data)}`);
    const given = answer?.data;
    if (answer?.type !== 'observation' || !isObject(given) || !isObject(given.observation))
      throw new Error(`the server answered a ${type} with no observation`);
    const { observation, reward, done } = given;
    if (reward != null && typeof reward !== 'number' && typeof reward !== 'boolean')
      throw new Error('the reward of the server is no number');
    return { observation, reward: reward as number | boolean | null, done: done === true };
  }

  /** The field of an action that holds its text. @throws Error where the server's schema does not say one */
  async textField(): Promise<string> {
    const schema = parseObject(await (await fetch(`${this.#http}/schema`)).text())?.action;
    const { properties, required } = isObject(schema) ? schema : {};
    const isText = ([, one]: [string, unknown]) => isObject(one) && one.type === 'string';
    const texts = isObject(properties) ? Object.entries(properties).filter(isText) : [];
    const needed = texts.filter(([name]) => Array.isArray(required) && required.includes(name));
    const [only, ...others] = (needed.length > 0 ? needed : texts).map(([name]) => name);
    if (only !== undefined && others.length === 0) return only;
    const which = texts.map(([name]) => name).join(', ') || 'none';
    throw new Error(`name the actionField of the environment: the texts of its action are ${which}`);
  }

  close(): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify({ type: 'close' }));
    this.#socket.close();
  }

  #answerTo(text: string): Promise<string> {
    if (this.#ended !== undefined) throw new Error(`the server ${this.#ended}`);
    this.#waiting = Promise.withResolvers();
    this.#socket.send(text);
    return this.#waiting.promise;
  }

  #end(how: string): void {
    this.#ended ??= how;
    this.#waiting?.reject(new Error(`the server ${this.#ended}`));
  }
}

function faultOf(data: unknown): string {
  const { message } = isObject(data) ? data : {};
  return typeof message === 'string' ? message.slice(0, LONGEST_REASON) : 'it failed';
}
