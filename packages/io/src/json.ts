// JSON that others wrote: objects of which nothing is known, alone or one in each line of a file.

/** An object of which only the form is known. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Whether a parsed JSON is an object: no list, and not null. */
export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The object that a text holds as JSON; undefined where it holds anything else, or only a part. */
export function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Lines that are ended: the last one of a file may still be being written, or was cut off by a kill. */
export const wholeLines = (text: string): string[] => text.split('\n').slice(0, -1);
