// The line of W&B's history that the next row takes. Other clients may have added lines.

export interface Place {
  /** Rows of the run that have arrived. */
  readonly rows: number;
  /** Lines of the history before the next row. */
  readonly lines: number;
}

/**
 * @param known the state in the run's folder; `sending` rows were on their way when it was written
 * @param there lines that W&B has
 */
export function placeAfter(
  { rows, lines = rows, sending = 0 }: { rows: number; lines?: number; sending?: number },
  there: number,
): Place {
  // The rows on their way arrived in part, whole, or not at all: sent again, they take the same lines.
  if (there <= lines + sending && sending > 0) return { rows, lines };
  // Other clients have added lines: ours follow them.
  if (there > lines) return { rows: rows + sending, lines: there };
  return { rows, lines };
}
