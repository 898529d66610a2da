// From an answer that is no success to an error: the server's own error, or a sentence about an answer that is not Ludic's.

import { type Answer, parseObject, retryAfter } from '@ludic/io';
import { ERROR_CODES, ERROR_STATUS, type ErrorCode, errorDetail, ServiceError } from '../contract/errors.ts';
import { ClientError } from './errors.ts';
import { masked } from './masked.ts';

const MOST_BYTES = 65_536;
const MOST_CHARACTERS = 1000;

/** @param password is not repeated, whatever the answer holds */
export async function refusal(answer: Answer, password: string | undefined): Promise<ServiceError | ClientError> {
  const { status, headers, url } = answer;
  const wait = retryAfter(headers);
  const later = wait !== undefined && { retryAfter: wait };
  const body = await answer.text(MOST_BYTES).catch(() => '');
  const hidden = (text: string) => masked(text, password).slice(0, MOST_CHARACTERS);
  const { error } = (parseObject(body) ?? {}) as { error?: { code?: unknown; message?: unknown; details?: unknown } };
  const known = ERROR_CODES.find((code) => code === error?.code && ERROR_STATUS[code] === status) ?? codeOf(status);
  if (typeof error?.message === 'string' && typeof error.code === 'string' && known !== undefined) {
    const details = Array.isArray(error.details)
      ? error.details.flatMap((detail) => {
          const { data } = errorDetail.safeParse(detail);
          return data ? [{ field: hidden(data.field), message: hidden(data.message) }] : [];
        })
      : [];
    return new ServiceError(known, hidden(error.message), { details, ...later });
  }
  const advice =
    status >= 500
      ? 'The server, or something before it, is not well: try again later.'
      : 'It may be something else than a server of Ludic: look at the address.';
  return new ClientError('bad_answer', `${url} answers with status ${status} and without a reason. ${advice}`, {
    status,
    ...later,
  });
}

/** What a server of a later version may mean. */
const codeOf = (status: number): ErrorCode | undefined => ERROR_CODES.find((code) => ERROR_STATUS[code] === status);
