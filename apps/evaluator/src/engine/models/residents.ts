// Models on devices, lent out to what plays them: those that were used last stay, and none is freed while it is played.

import type { Device } from '@ludic/runtime';

/** A model that is open, or on its way. */
interface Resident<Model> {
  readonly model: Promise<Model>;
  /** How many play it now. */
  users: number;
  /** To be freed when its last user is done. */
  dropped: boolean;
}

/** At most `most` models, each on one device. */
export class Residents<Model> {
  readonly #most: number;
  readonly #free: (model: Model) => void;
  /** By device and name, the latest last. */
  readonly #known = new Map<string, Resident<Model>>();

  constructor(most: number, free: (model: Model) => void) {
    this.#most = most;
    this.#free = free;
  }

  /** Opens the model if it is not there, and has it stay as long as the play takes. */
  async lend<T>(
    device: Device,
    name: string,
    open: () => Promise<Model>,
    play: (model: Model) => Promise<T>,
  ): Promise<T> {
    const key = `${device} ${name}`;
    const resident = this.#known.get(key) ?? this.#add(key, open);
    // Last in order of use.
    this.#known.delete(key);
    this.#known.set(key, resident);
    resident.users++;
    try {
      return await play(await resident.model);
    } finally {
      resident.users--;
      this.#freeUnused(resident);
    }
  }

  /** Frees a model on all devices, at once or when its last user is done. */
  drop(name: string): void {
    for (const key of [...this.#known.keys()]) if (key.slice(key.indexOf(' ') + 1) === name) this.#drop(key);
  }

  /** Forgets what was on a device that is lost: there is nothing to free. */
  forget(device: Device): void {
    for (const key of [...this.#known.keys()]) if (key.startsWith(`${device} `)) this.#known.delete(key);
  }

  /** Makes room before the model is opened: two may not fit. */
  #add(key: string, open: () => Promise<Model>): Resident<Model> {
    const [oldest] = this.#known.keys();
    if (this.#known.size >= this.#most) this.#drop(oldest!);
    const resident: Resident<Model> = { model: open(), users: 0, dropped: false };
    resident.model.catch(() => {
      if (this.#known.get(key) === resident) this.#known.delete(key);
    });
    return resident;
  }

  #drop(key: string): void {
    const resident = this.#known.get(key)!;
    this.#known.delete(key);
    resident.dropped = true;
    this.#freeUnused(resident);
  }

  #freeUnused({ model, users, dropped }: Resident<Model>): void {
    // What was never there need not be freed.
    if (dropped && users === 0) model.then(this.#free, () => {});
  }
}
