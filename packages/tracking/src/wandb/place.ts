// Where the next row of a run belongs in W&B's history, whose lines others may have added to.

export interface Place {
  /** Rows of the run that have arrived. */
  readonly rows: number;
  /** Lines of the history before the next row. */
  readonly lines: number;
}

/**
 * @param known what was kept in the run's folder; `sending` rows were on their way when it was written
 * @param there lines that W&B holds
 */
export function placeAfter(
  { rows, lines = rows, sending = 0 }: { rows: number; lines?: number; sending?: number },
  there: number,
): Place {
  // The rows on their way arrived in part or whole, or not at all: sent again, they take their own lines.
  if (there <= lines + sending && sending > 0) return { rows, lines };
  // They arrived, or never will: other writers' lines follow, and ours go behind them.
  if (there > lines) return { rows: rows + sending, lines: there };
  return { rows, lines };
}
