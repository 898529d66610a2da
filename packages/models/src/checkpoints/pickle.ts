// A reader of Python's pickles that executes nothing: it knows the opcodes that a file of tensors consists of and the few
// globals that its caller lists. Whatever else stands in the file ends the reading with an error.

import { ModelError } from '../errors.ts';

/** Something of Python that a pickle may name. Only what has `call` may be called. */
export interface PickleGlobal {
  readonly call?: (args: readonly unknown[]) => unknown;
}

/** What a pickle may refer to. What comes out of the functions is handed on and never looked at here. */
export interface PickleRules {
  /** By `module.name`. */
  readonly globals: ReadonlyMap<string, PickleGlobal>;
  /** Resolves a persistent id, which is how PyTorch refers to storages. */
  readonly persistent: (id: unknown) => unknown;
}

/** Kept apart from tuples, which are plain arrays: only a list may grow. Dictionaries are Maps. */
export class PickleList {
  readonly items: unknown[] = [];
}

export const badTorchFile = (what: string, options?: ErrorOptions) =>
  new ModelError('bad_torch_file', `This is no PyTorch file that can be used: ${what}.`, options);

/** A text of the file as it may stand in a message. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}…` : text);
}

/**
 * Reads one pickle of protocol 2 that begins at `start`. Dictionaries become Maps with texts as keys, tuples become
 * arrays, integers become numbers or, beyond 2^53, bigints. `end` is where the pickle's bytes end.
 * @throws ModelError `bad_torch_file`
 */
export function readPickle(file: Uint8Array, start: number, rules: PickleRules): { value: unknown; end: number } {
  return new Unpickler(file, start, rules).run();
}

/** About 100,000 tensors. */
const LARGEST_PICKLE = 16_000_000;
const LONGEST_LINE = 256;
const STOP = 0x2e;
const EMPTY: readonly unknown[] = [];
const UTF_8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

class Unpickler {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #rules: PickleRules;
  readonly #start: number;
  #at: number;
  #objects = 0;
  readonly #stack: unknown[] = [];
  /** Heights of the stack at which the open marks stand. */
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, unknown>();

  constructor(bytes: Uint8Array, start: number, rules: PickleRules) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#start = start;
    this.#at = start;
    this.#rules = rules;
  }

  run(): { value: unknown; end: number } {
    if (this.#byte() !== 0x80) throw badTorchFile(`there is no pickle at byte ${this.#start}`);
    const protocol = this.#byte();
    if (protocol !== 2) throw badTorchFile(`its pickle has protocol ${protocol}, and only 2 is read`);
    for (let opcode = this.#byte(); opcode !== STOP; opcode = this.#byte()) {
      const act = Unpickler.#OPCODES.get(opcode);
      if (!act)
        throw badTorchFile(`its pickle has the unknown opcode 0x${opcode.toString(16)} at byte ${this.#at - 1}`);
      act(this);
    }
    return { value: this.#pop(), end: this.#at };
  }

  /** What each opcode does, named as in Python's pickletools. */
  static readonly #OPCODES: ReadonlyMap<number, (self: Unpickler) => void> = new Map([
    [0x28, (self) => self.#marks.push(self.#stack.length)], // MARK
    [0x4e, (self) => self.#stack.push(null)], // NONE
    [0x88, (self) => self.#stack.push(true)], // NEWTRUE
    [0x89, (self) => self.#stack.push(false)], // NEWFALSE
    [0x4b, (self) => self.#stack.push(self.#byte())], // BININT1
    [0x4d, (self) => self.#stack.push(self.#view.getUint16(self.#take(2), true))], // BININT2
    [0x4a, (self) => self.#stack.push(self.#view.getInt32(self.#take(4), true))], // BININT
    [0x8a, (self) => self.#stack.push(self.#long(self.#byte()))], // LONG1
    [0x58, (self) => self.#stack.push(self.#text(self.#uint32()))], // BINUNICODE
    [0x63, (self) => self.#stack.push(self.#global())], // GLOBAL
    [0x71, (self) => self.#memo.set(self.#byte(), self.#top())], // BINPUT
    [0x72, (self) => self.#memo.set(self.#uint32(), self.#top())], // LONG_BINPUT
    [0x68, (self) => self.#stack.push(self.#remembered(self.#byte()))], // BINGET
    [0x6a, (self) => self.#stack.push(self.#remembered(self.#uint32()))], // LONG_BINGET
    [0x29, (self) => self.#stack.push(EMPTY)], // EMPTY_TUPLE
    [0x85, (self) => self.#pushObject(() => self.#popSome(1))], // TUPLE1
    [0x86, (self) => self.#pushObject(() => self.#popSome(2))], // TUPLE2
    [0x87, (self) => self.#pushObject(() => self.#popSome(3))], // TUPLE3
    [0x74, (self) => self.#pushObject(() => self.#popToMark())], // TUPLE
    [0x5d, (self) => self.#pushObject(() => new PickleList())], // EMPTY_LIST
    [0x61, (self) => self.#append(self.#popSome(1))], // APPEND
    [0x65, (self) => self.#append(self.#popToMark())], // APPENDS
    [0x7d, (self) => self.#pushObject(() => new Map())], // EMPTY_DICT
    [0x73, (self) => self.#setItems(self.#popSome(2))], // SETITEM
    [0x75, (self) => self.#setItems(self.#popToMark())], // SETITEMS
    [0x51, (self) => self.#pushObject(() => self.#rules.persistent(self.#pop()))], // BINPERSID
    [0x52, (self) => self.#pushObject(() => self.#called())], // REDUCE
    [0x62, (self) => self.#build()], // BUILD
  ]);

  /** Moves on by `count` bytes and gives the place where they begin. */
  #take(count: number): number {
    const at = this.#at;
    if (at + count > this.#bytes.length) throw badTorchFile('it is cut off in the middle of a pickle');
    if (at + count - this.#start > LARGEST_PICKLE) {
      throw badTorchFile(`one of its pickles has more than ${LARGEST_PICKLE} bytes`);
    }
    this.#at = at + count;
    return at;
  }

  #byte(): number {
    return this.#bytes[this.#take(1)]!;
  }

  #uint32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  #text(length: number): string {
    const at = this.#take(length);
    try {
      return UTF_8.decode(this.#bytes.subarray(at, at + length));
    } catch (error) {
      throw badTorchFile(`the text at byte ${at} of its pickle is no UTF-8`, { cause: error });
    }
  }

  /** Two's complement, little endian. */
  #long(length: number): number | bigint {
    const at = this.#take(length);
    let value = 0n;
    for (let i = at + length - 1; i >= at; i--) value = (value << 8n) | BigInt(this.#bytes[i]!);
    value = BigInt.asIntN(8 * length, value);
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }

  #line(): string {
    const length = this.#bytes.subarray(this.#at, this.#at + LONGEST_LINE).indexOf(0x0a);
    if (length < 0) throw badTorchFile(`the name at byte ${this.#at} of its pickle has no end`);
    const text = this.#text(length);
    this.#take(1);
    return text;
  }

  #global(): PickleGlobal {
    const name = `${this.#line()}.${this.#line()}`;
    const found = this.#rules.globals.get(name);
    if (!found) throw badTorchFile(`it refers to ${quoted(name)}, which does not belong into a file of weights`);
    return found;
  }

  /** What the called function makes of its arguments. */
  #called(): unknown {
    const args = this.#pop();
    const callee = this.#pop();
    for (const [name, known] of this.#rules.globals) {
      if (known !== callee) continue;
      if (!known.call || !Array.isArray(args)) throw badTorchFile(`its pickle calls ${name} in an unknown way`);
      return known.call(args);
    }
    throw badTorchFile('its pickle calls what cannot be called');
  }

  /** The attributes of a dictionary, such as the versions of modules in PyTorch's state_dict, change no tensor. */
  #build(): void {
    const state = this.#pop();
    if (!(state instanceof Map) || !(this.#top() instanceof Map)) {
      throw badTorchFile('its pickle gives attributes to what is no dictionary');
    }
  }

  #append(items: readonly unknown[]): void {
    const list = this.#top();
    if (!(list instanceof PickleList)) throw badTorchFile('its pickle appends to what is no list');
    for (const item of items) list.items.push(item);
  }

  #setItems(items: readonly unknown[]): void {
    const dictionary = this.#top();
    if (!(dictionary instanceof Map)) throw badTorchFile('its pickle sets items of what is no dictionary');
    if (items.length % 2 !== 0) throw badTorchFile('its pickle has a key without a value');
    for (let i = 0; i < items.length; i += 2) {
      const key = items[i];
      if (typeof key !== 'string') throw badTorchFile('its pickle has a dictionary whose keys are no texts');
      dictionary.set(key, items[i + 1]);
    }
  }

  #remembered(index: number): unknown {
    if (!this.#memo.has(index)) throw badTorchFile(`its pickle refers to its memo ${index}, which is empty`);
    return this.#memo.get(index);
  }

  /**
   * An object takes a hundred bytes of memory and more, and can take one of the file. Honest pickles spend about eight
   * on each, because every object has something in it or a name.
   */
  #pushObject(make: () => unknown): void {
    this.#objects++;
    if (4 * this.#objects > this.#at - this.#start + 64) throw badTorchFile('its pickle has too many empty objects');
    this.#stack.push(make());
  }

  #top(): unknown {
    this.#need(1);
    return this.#stack.at(-1);
  }

  #pop(): unknown {
    this.#need(1);
    return this.#stack.pop();
  }

  #popSome(count: number): unknown[] {
    this.#need(count);
    return this.#stack.splice(-count);
  }

  #popToMark(): unknown[] {
    const height = this.#marks.pop();
    if (height === undefined) throw badTorchFile('its pickle ends a group that never began');
    return this.#stack.splice(height);
  }

  #need(count: number): void {
    if (this.#stack.length - (this.#marks.at(-1) ?? 0) < count) {
      throw badTorchFile(`its pickle takes more from its stack than there is, at byte ${this.#at}`);
    }
  }
}
