// Two sides that send each other messages: a process and the one that started it, a page and its worker. Messages are
// plain data; each side names the union of what it says and the union of what it hears.

/** Resolves once the message is on its way: true, or false where the other end hears no more. */
export type Send<Out extends object> = (message: Out) => Promise<boolean>;

/** One end of a channel. What is not of its union does not compile; that the other end keeps to it is a promise. */
export interface Channel<Out extends object, In extends object> {
  readonly send: Send<Out>;
  /** Hears every message from now on. */
  readonly listen: (hear: (message: In) => void) => void;
}

/** A worker, the global scope of a worker, or a message port. */
export interface PostTarget<In> {
  postMessage(message: unknown): void;
  addEventListener(type: 'message', hear: (event: { readonly data: In }) => void): void;
}

/** A channel to a worker, or from inside one to its page. */
export const postChannel = <Out extends object, In extends object>(target: PostTarget<In>): Channel<Out, In> => ({
  async send(message) {
    target.postMessage(message);
    return true;
  },
  listen: (hear) => target.addEventListener('message', ({ data }) => hear(data)),
});
