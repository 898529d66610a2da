// A JSON object with a list at its end that may be long: written in pieces, so that the server answers others between them
// and no text is longer than a string may be.

import { setImmediate } from 'node:timers/promises';

/** Characters after which a piece is sent. */
const PIECE = 65_536;

/** `{...head, [name]: [...items]}` as JSON. @param head has at least one field @param items each as JSON */
export function jsonWithList(head: object, name: string, items: Iterable<string>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const left = items[Symbol.iterator]();
  let text = `${JSON.stringify(head).slice(0, -1)},${JSON.stringify(name)}:[`;
  let isFirst = true;
  return new ReadableStream({
    async pull(controller) {
      await setImmediate();
      while (text.length < PIECE) {
        const item = left.next();
        if (item.done) {
          controller.enqueue(encoder.encode(`${text}]}`));
          controller.close();
          return;
        }
        text += `${isFirst ? '' : ','}${item.value}`;
        isFirst = false;
      }
      controller.enqueue(encoder.encode(text));
      text = '';
    },
  });
}
