// Work that many ask for at once and that is the same for all, such as reading a folder.

/**
 * Calls that come while the work is under way share its next run: no one is given what was begun before they asked, and
 * however many ask, it runs once at a time.
 */
export function sharedWork<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  let next: Promise<T> | undefined;
  const run = () => {
    const begun = work().finally(() => {
      running = undefined;
    });
    running = begun;
    return begun;
  };
  return () => {
    if (running === undefined) return run();
    next ??= running
      .catch(() => {})
      .then(() => {
        next = undefined;
        return run();
      });
    return next;
  };
}
