// The button of all views.

import type { ComponentProps } from 'preact';

/** It sends no form, as HTML's own button would inside of one; `type="submit"` makes it do so. */
export const Button = (props: ComponentProps<'button'>) => <button type="button" {...props} />;
