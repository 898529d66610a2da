// Endpoints keep the text that they stopped at to themselves. The games want it: it is the closing tag of the action.

/** Adds the closing tag among `stop` whose opening tag stands last in `text` and was never closed. */
export function restoreStop(text: string, stop: readonly string[]): string {
  const written = text.toLowerCase();
  const unclosed = (closing: string) => {
    const tag = closing.toLowerCase();
    const open = tag.startsWith('</') ? written.lastIndexOf(tag.replace('</', '<')) : -1;
    return open >= 0 && !written.includes(tag, open);
  };
  return text + (stop.find(unclosed) ?? '');
}
