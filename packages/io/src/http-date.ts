// The dates of HTTP headers (RFC 9110, 5.6.7), in their one current form: `Sun, 06 Nov 1994 08:49:37 GMT`. Two of them
// tell a span of time by the server's own clock; ours is not asked.

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
/** Days of a common year before each month. */
const DAYS_BEFORE = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
const FORM = /^\w{3}, (\d\d) (\w{3}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT$/;

/** Leap days from year 1 to the end of a year. */
const leapDays = (year: number) => Math.floor(year / 4) - Math.floor(year / 100) + Math.floor(year / 400);

/** Seconds since 1970; undefined where `text` is no such date. */
export function parseHttpDate(text: string): number | undefined {
  const [, day, monthName, year, hour, minute, second] = FORM.exec(text.trim()) ?? [];
  const month = MONTHS.indexOf(monthName!);
  if (month < 0) return undefined;
  const leaps = leapDays(month < 2 ? Number(year) - 1 : Number(year)) - leapDays(1969);
  const days = 365 * (Number(year) - 1970) + leaps + DAYS_BEFORE[month]! + Number(day) - 1;
  return ((days * 24 + Number(hour)) * 60 + Number(minute)) * 60 + Number(second);
}
