// What a server says may repeat the password, and goes to terminals and logs. What it says may also just hold the same word.

const MASK = '•••';
/** From here on a password is no accident, whatever it is made of; of one word it takes more. */
const LONG = 12;
const LONG_WORD = 16;
/** With a digit or a sign in it. */
const LONG_MIXED = 6;

/**
 * A text without the password. One that could be a word or a number of any sentence is masked only where it stands as a value:
 * in quotes, or after `Bearer `, `=` or `name:`.
 */
export function masked(text: string, password: string | undefined): string {
  if (password === undefined || password === '' || /^password$/i.test(password)) return text;
  const letters = /^\p{L}+$/u.test(password);
  const least = letters ? LONG_WORD : /[^\p{L}\s]/u.test(password) ? LONG_MIXED : LONG;
  const forms = [...new Set([password, encodeURIComponent(password.toWellFormed())])];
  return forms.reduce((shown, form) => {
    if (password.length >= least) return shown.replaceAll(form, MASK);
    const exact = form.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');
    const inQuotes = new RegExp(`(["'\`“‘])${exact}(?=["'\`”’])`, 'gu');
    const asValue = new RegExp(`(\\bBearer |=|[\\w.-]:|\\b(?:password|token): )${exact}(?![\\p{L}\\p{N}])`, 'gu');
    return shown.replace(inQuotes, `$1${MASK}`).replace(asValue, `$1${MASK}`);
  }, text);
}
