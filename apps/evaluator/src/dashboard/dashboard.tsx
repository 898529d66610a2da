// Signing in to a server, then its jobs beside the one that is looked at.

import type { Job } from '@ludic/service';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import '../styles/dashboard.css';
import { Board } from './board.ts';
import { JobList } from './job-list.tsx';
import { JobPage } from './job-page.tsx';
import { RequestForm } from './request-form.tsx';
import type { Given } from './request-forms.ts';
import { moment } from './sentences.ts';
import { forgetAccount, keepAccount, keptAccount, openSession, type Session } from './session.ts';
import { SignIn } from './sign-in.tsx';
import { useStore } from './store.ts';

export function Dashboard() {
  const [session, setSession] = useState<Session | undefined>(() => {
    const account = keptAccount();
    return account && openSession(account);
  });
  const [last, setLast] = useState<{ readonly address: string; readonly trouble: string }>();
  const leave = (trouble: string) => {
    forgetAccount();
    setLast(session && { address: session.address, trouble });
    setSession(undefined);
  };
  if (session) return <Signed session={session} onLeave={leave} />;
  return (
    <SignIn
      {...last}
      onOpen={(next, account, keep) => {
        if (keep) keepAccount(account);
        setSession(next);
      }}
    />
  );
}

type Shown =
  | { readonly kind: 'job'; readonly id: string; readonly note?: string }
  | { readonly kind: 'start'; readonly what: Job['kind']; readonly given?: Given };

function Signed({ session, onLeave }: { readonly session: Session; readonly onLeave: (trouble: string) => void }) {
  const board = useMemo(() => new Board(session, { onRefused: onLeave }), [session]);
  useEffect(() => {
    board.open();
    return () => board.close();
  }, [board]);
  const { jobs, models, trouble } = useStore(board);
  const [chosen, setChosen] = useState<Shown>();
  // Until something is chosen, the newest job is looked at.
  const shown: Shown | undefined = chosen ?? (jobs?.[0] && { kind: 'job', id: jobs[0].job_id });
  const id = shown?.kind === 'job' ? shown.id : undefined;
  useEffect(() => board.select(id), [board, id]);
  const detail = useRef<HTMLDivElement>(null);
  const show = (next: Shown) => {
    setChosen(next);
    // On a phone it stands below the list.
    if (matchMedia('(max-width: 56rem)').matches)
      setTimeout(() => detail.current?.scrollIntoView({ block: 'start', behavior: 'smooth' }));
  };
  const job = jobs?.find(({ job_id }) => job_id === id);
  return (
    <div>
      <div class="board-top">
        <p>
          <span class="dot" data-state={trouble ? 'away' : jobs ? 'here' : 'asked'} aria-hidden="true" />
          {session.address.replace(/^https?:\/\//, '')}
        </p>
        <button type="button" class="go" onClick={() => show({ kind: 'start', what: 'train' })}>
          New training
        </button>
        <button type="button" onClick={() => show({ kind: 'start', what: 'evaluate' })}>
          New evaluation
        </button>
        <button type="button" onClick={() => onLeave('')}>
          Sign out
        </button>
      </div>
      {trouble && (
        <p class="banner" role="alert">
          {trouble.message} <small>Since {moment(trouble.since.toISOString())}.</small>
        </p>
      )}
      <div class="board-parts">
        <JobList jobs={jobs} selected={id} onSelect={(next) => show({ kind: 'job', id: next })} />
        <div class="board-detail" ref={detail}>
          {shown?.kind === 'start' ? (
            <RequestForm
              key={`${shown.what} ${JSON.stringify(shown.given)}`}
              board={board}
              kind={shown.what}
              given={shown.given}
              onStarted={(next, note) => show({ kind: 'job', id: next, note })}
              onClose={() => setChosen(undefined)}
            />
          ) : job ? (
            <JobPage
              key={job.job_id}
              board={board}
              job={job}
              model={models.find(({ name }) => name === job.output_dir)}
              note={shown?.note}
              onEvaluate={(given) => show({ kind: 'start', what: 'evaluate', given })}
            />
          ) : (
            <p class="empty">
              {jobs?.length === 0
                ? 'Nothing has been trained on this server yet. A new training appears here, with its curve as it grows.'
                : jobs && id !== undefined
                  ? 'This job is no longer on the server.'
                  : 'Asking the server…'}
            </p>
          )}
        </div>
      </div>
    </div>
  );
}
