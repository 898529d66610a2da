// Errors of a server, and of the way to it, as sentences for the page.

import { LudicError } from '@ludic/io';
import { type Job, ServiceError } from '@ludic/service';
import { ClientError } from '@ludic/service/client';
import type { Session } from './session.ts';

/** Whether the password is at fault, as the server says, or the engine that has asked it. */
export const isUnauthorized = (error: unknown) => error instanceof LudicError && error.code === 'unauthorized';

/** Whether there is no such thing, and cannot be one of that name. */
export const isNotFound = (error: unknown) =>
  error instanceof ServiceError && (error.code === 'not_found' || error.code === 'bad_request');

/** Whether a later retry may succeed without any change on this side. */
export function isTransient(error: unknown): boolean {
  if (error instanceof ServiceError) return error.status >= 500 || error.code === 'too_many_requests';
  if (!(error instanceof ClientError)) return false;
  return error.code === 'unreachable' || error.code === 'timed_out' || (error.status ?? 0) >= 500;
}

/** @param isOwn whether the server is the one that the page came from */
export function messageOf(error: unknown, { address, isOwn }: Pick<Session, 'address' | 'isOwn'>): string {
  if (!(error instanceof ClientError)) return error instanceof Error ? error.message : String(error);
  switch (error.code) {
    case 'unreachable':
      return isOwn
        ? 'The server does not answer. Is it running?'
        : `${address} does not answer. Is that the address, and does the server there allow this page (--allow-origin ${location.origin})?`;
    case 'timed_out':
      return 'The server takes too long to answer.';
    case 'bad_answer':
      // Static files are served without a server of Ludic behind them.
      return error.status === 404 && isOwn
        ? 'There is no server of Ludic behind this page. Start one with "ludic serve", or give the address of another.'
        : error.message;
    case 'bad_base_url':
    case 'insecure':
      return error.message;
    default:
      return error.code satisfies never;
  }
}

/** `3 h 5 min`: rounded to what matters for a wait. */
export function span(seconds: number): string {
  if (seconds < 59.5) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return `${Math.round(hours / 24)} days`;
}

/** `today 14:05` or `3 Nov 14:05`, as this machine's clock has it. */
export function moment(time: string, now = new Date()): string {
  const date = new Date(time);
  const clock = date.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
  if (date.toDateString() === now.toDateString()) return clock;
  return `${date.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' })}, ${clock}`;
}

/** Who asked for a job; undefined where the server has but one password, without a name. */
export const namedOwner = ({ owner }: Job): string | undefined => (owner === 'password' ? undefined : owner);
