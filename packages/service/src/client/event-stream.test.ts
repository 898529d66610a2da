import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClientError } from './errors.ts';
import { EventStreamParser, type ServerSentEvent } from './event-stream.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const read = (text: string) => new EventStreamParser().push(bytes(text));

/** Cuts at the given places, modulo the length. */
function inPieces(whole: Uint8Array, cuts: readonly number[]): ServerSentEvent[] {
  const parser = new EventStreamParser();
  const places = [...new Set(cuts.map((cut) => cut % (whole.length + 1)))].sort((a, b) => a - b);
  return [0, ...places].flatMap((from, i) => parser.push(whole.subarray(from, places[i] ?? whole.length)));
}

/** The standard's own words, line by line, for whole texts. */
function reference(text: string): ServerSentEvent[] {
  const events: ServerSentEvent[] = [];
  let [type, data, id] = ['', '', ''];
  const lines = text.replace(/^\u{feff}/u, '').split(/\r\n|\r|\n/);
  for (const line of lines.slice(0, -1)) {
    if (line === '') {
      if (data !== '') events.push({ type: type || 'message', data: data.replace(/\n$/, ''), lastEventId: id });
      [type, data] = ['', ''];
      continue;
    }
    const [field = '', ...more] = line.split(':');
    const value = more.join(':').replace(/^ /, '');
    if (field === 'event') type = value;
    if (field === 'data') data += `${value}\n`;
    if (field === 'id' && !value.includes('\0')) id = value;
  }
  return events;
}

const line = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom('', 'data: {}') },
  fc.constantFrom(
    '',
    ': beat',
    ':',
    'data',
    'data:',
    'data: ',
    'id',
    'id: 7',
    'id:a\0b',
    'event: step',
    'retry: 5',
    'x',
  ),
  fc
    .tuple(
      fc.constantFrom('data', 'event', 'id', 'data ', ''),
      fc.constantFrom(':', ': ', ':  '),
      fc.string({ unit: 'binary' }),
    )
    .map(([field, colon, value]) => field + colon + value.replaceAll(/[\r\n]/g, '')),
);
const streamText = fc
  .tuple(fc.constantFrom('', '\u{feff}'), fc.array(fc.tuple(line, fc.constantFrom('\n', '\r', '\r\n'))), fc.string())
  .map(([mark, lines, rest]) => mark + lines.flat().join('') + rest);

describe('an event stream', () => {
  it('is read as the standard says, however it is cut', () => {
    let told = 0;
    fc.assert(
      fc.property(streamText, fc.array(fc.nat()), (text, cuts) => {
        const whole = bytes(text);
        const events = inPieces(whole, cuts);
        told += events.length;
        expect(events).toEqual(reference(new TextDecoder('utf-8', { ignoreBOM: true }).decode(whole)));
      }),
      { numRuns: 2000 },
    );
    expect(told).toBeGreaterThan(500);
  });

  it('is the same byte by byte, with letters of several bytes and every line end', () => {
    const whole = bytes(
      '\u{feff}: hello\r\nid: 1\r\nevent: step\r\ndata: {"ü":"😀",\r\ndata: "b":2}\r\n\r\rdata:x\n\n',
    );
    const events = inPieces(whole, [...whole.keys()]);
    expect(events).toEqual([
      { type: 'step', data: '{"ü":"😀",\n"b":2}', lastEventId: '1' },
      { type: 'message', data: 'x', lastEventId: '1' },
    ]);
  });

  it('tells nothing of an event that it breaks off in', () => {
    expect(read('data: whole\n\ndata: half\n')).toEqual([{ type: 'message', data: 'whole', lastEventId: '' }]);
  });

  it('asks for a pause in whole milliseconds alone', () => {
    const parser = new EventStreamParser();
    parser.push(bytes('retry: 250\nretry: soon\nretry: -1\nretry: 1.5\n'));
    expect(parser.retry).toBe(250);
  });

  it('goes on for ever with heartbeats, and ends where one event is endless', () => {
    const beats = new EventStreamParser();
    const beat = bytes(`${': beat\n'.repeat(100_000)}`);
    for (let i = 0; i < 30; i++) expect(beats.push(beat)).toEqual([]);
    for (const endless of ['x'.repeat(2 ** 20), `data: ${'x'.repeat(2 ** 20)}\n`]) {
      const parser = new EventStreamParser();
      const piece = bytes(endless);
      expect(() => {
        for (let i = 0; i < 17; i++) parser.push(piece);
      }).toThrow(ClientError);
    }
  });
});
