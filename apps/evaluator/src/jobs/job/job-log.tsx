// What a job prints. A view that is scrolled to the end stays at the end.

import { isEnd, type Job } from '@ludic/service';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { Alert } from '../../ui/form.tsx';
import type { JobsStore } from '../jobs-store.ts';
import { usePolling } from '../use-polling.ts';

const LINES = 500;
const EVERY = 2000;
/** Pixels from the end that still count as being there. */
const NEAR = 24;

/** The last lines of the log, polled while the job runs. */
export function JobLog({ store, job }: { readonly store: JobsStore; readonly job: Job }) {
  const { job_id, status } = job;
  const { value, error } = usePolling(store, `${job_id} ${status}`, isEnd(status) ? undefined : EVERY, (signal) =>
    store.session.prompt.jobLogs(job_id, { tail: LINES }, { signal }),
  );
  const place = useRef<HTMLPreElement>(null);
  const isAtEnd = useRef(true);
  useLayoutEffect(() => {
    if (isAtEnd.current && place.current) place.current.scrollTop = place.current.scrollHeight;
  }, [value]);
  return (
    <>
      <Alert text={error} />
      {value === '' ? (
        <p class="aside">Nothing has been printed yet.</p>
      ) : (
        <pre
          ref={place}
          class="job-log"
          role="log"
          aria-label="Log"
          aria-live="off"
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys
          tabIndex={0}
          onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
            isAtEnd.current = scrollTop + clientHeight > scrollHeight - NEAR;
          }}
        >
          {value ?? 'Asking the server…'}
        </pre>
      )}
    </>
  );
}
