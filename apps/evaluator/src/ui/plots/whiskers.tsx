// Measured values as dots, with their intervals as whiskers, below each other on one scale.

import type { Evaluation, Interval } from '@ludic/rollouts';

/** What was measured of a policy, or how it differs from another. */
export interface MeasuredRow {
  readonly title: string;
  readonly measured: Pick<Evaluation, 'success_rate' | 'success_ci95' | 'mean_reward' | 'mean_reward_ci95'>;
}

/** Success and mean reward beside each other. @param range of both scales; what lies outside widens it */
export function SuccessAndReward({
  titles,
  rows,
  range,
  write,
}: {
  readonly titles: readonly [success: string, reward: string];
  readonly rows: readonly MeasuredRow[];
  readonly range: Interval;
  readonly write: readonly [success: WriteValue, reward: WriteValue];
}) {
  const success = rows.map(({ title, measured: { success_rate: value, success_ci95: interval } }) => {
    return { title, value, interval };
  });
  const reward = rows.map(({ title, measured: { mean_reward: value, mean_reward_ci95: interval } }) => {
    return { title, value, interval };
  });
  return (
    <div class="plots">
      <Whiskers title={titles[0]} rows={success} range={range} write={write[0]} />
      <Whiskers title={titles[1]} rows={reward} range={range} write={write[1]} />
    </div>
  );
}

type WriteValue = (value: number) => string;

/** A value with its interval, in the unit of the scale. */
interface Whisker {
  readonly title: string;
  readonly value: number;
  readonly interval: Interval;
}

/**
 * @param range what the scale shows; what lies outside widens it
 * @param write how a value is written
 */
function Whiskers({
  title,
  rows,
  range,
  write,
}: {
  readonly title: string;
  readonly rows: readonly Whisker[];
  readonly range: Interval;
  readonly write: WriteValue;
}) {
  const values = rows.flatMap(({ interval }) => interval);
  const low = Math.min(range[0], ...values);
  const high = Math.max(range[1], ...values);
  const x = (value: number) => (100 * (value - low)) / (high - low || 1);
  const ticks = ticksOf(low, high);
  const spoken = rows.map(
    (row) => `${row.title}: ${write(row.value)}, ${write(row.interval[0])} to ${write(row.interval[1])}`,
  );
  return (
    <figure class="whiskers">
      <figcaption>{title}</figcaption>
      <div role="img" aria-label={`${title}, with 95 % intervals. ${spoken.join('; ')}`}>
        {rows.map((row) => (
          <div class="whisker" key={row.title}>
            <span>{row.title}</span>
            <svg viewBox="0 0 100 20" preserveAspectRatio="none" aria-hidden="true">
              {ticks.map((tick) => (
                <line key={tick} class={tick === 0 ? 'zero' : 'grid'} x1={x(tick)} x2={x(tick)} y1="0" y2="20" />
              ))}
              <line class="interval" x1={x(row.interval[0])} x2={x(row.interval[1])} y1="10" y2="10" />
              {row.interval.map((end, i) => (
                <line key={i === 0 ? 'low' : 'high'} class="interval" x1={x(end)} x2={x(end)} y1="6" y2="14" />
              ))}
              {/* A line of no length with round ends: a dot that is round however wide the plot is. */}
              <line class="dot" x1={x(row.value)} x2={x(row.value)} y1="10" y2="10" />
            </svg>
          </div>
        ))}
        <div class="whisker scale" aria-hidden="true">
          <span />
          <div>
            {ticks.map((tick) => (
              <small key={tick} style={{ left: `${x(tick)}%` }}>
                {write(tick)}
              </small>
            ))}
          </div>
        </div>
      </div>
    </figure>
  );
}

/** Round values inside of a range, up to five of them. */
function ticksOf(low: number, high: number): readonly number[] {
  const rough = (high - low) / 4 || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5].map((factor) => factor * power).find((one) => one >= rough * 0.999) ?? 10 * power;
  const first = Math.ceil(low / step - 1e-9);
  const count = Math.floor(high / step + 1e-9) - first + 1;
  return Array.from({ length: count }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}
