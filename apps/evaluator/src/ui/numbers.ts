// Numbers as text: rates, counts, sizes, times, changes.

/** `74.5 %`. @param share from 0 to 1 */
export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** `12,345`. */
export const whole = (value: number): string => Math.round(value).toLocaleString('en');

/** `512 B`, `249 kB`, `2.9 MB`, in powers of 1000. */
export function bytes(count: number): string {
  if (count < 1e3) return `${count} B`;
  if (count < 999_500) return `${(count / 1e3).toFixed(0)} kB`;
  return count < 999.95e6 ? `${(count / 1e6).toFixed(1)} MB` : `${(count / 1e9).toFixed(1)} GB`;
}

/** `1.4 s`, `42 s`, `7 min 42 s`. */
export function duration(seconds: number): string {
  if (seconds < 59.5) return `${seconds.toFixed(seconds < 9.95 ? 1 : 0)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/** `+0.25`, `−1.50`, and `0.00` without a sign: a change, written with a minus sign. */
export function signed(value: number, digits: number): string {
  const size = Math.abs(value).toFixed(digits);
  return `${Number(size) === 0 ? '' : value > 0 ? '+' : '−'}${size}`;
}
