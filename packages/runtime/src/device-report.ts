// What is known of a device before anything is computed on it, the same for a machine and for a page.

import type { Device } from './contract.ts';

/** What is known of a device: what it can do, or why it is missing. */
export type DeviceReport =
  | {
      readonly device: Device;
      readonly present: true;
      /** Computes on the CPU and only looks like a GPU: right numbers, no speed. */
      readonly software: boolean;
      /** Whether the device multiplies float16; undefined where it was not tried. */
      readonly float16?: boolean;
      /** Bytes of the largest tensor it can make, as far as that is known (in Node it is tried up to 2 GiB). */
      readonly largestTensor?: number;
      /** Threads that one run may use, where a page decides that. */
      readonly threads?: number;
      /** Its parts, for people. */
      readonly description: string;
    }
  | { readonly device: Device; readonly present: false; readonly reason: string };
