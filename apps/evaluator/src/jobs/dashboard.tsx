// Signing in to a server, then its jobs beside the one that is looked at.

import type { Job } from '@ludic/service';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { Button } from '../ui/button.tsx';
import './jobs.css';
import { useStore } from '../ui/store.ts';
import { sessionStore, useSession } from './account.ts';
import { RequestForm } from './forms/request-form.tsx';
import type { Prefilled } from './forms/request-forms.ts';
import { JobPage } from './job/job-page.tsx';
import { isOfJobs, jobLink, readJobLink } from './job-link.ts';
import { JobList } from './job-list.tsx';
import { JobsStore } from './jobs-store.ts';
import { moment } from './messages.ts';
import { openSession, type Session } from './session.ts';
import { SignIn } from './sign-in.tsx';

/** Signed out it asks for a server, signed in it shows the jobs there. */
export function Dashboard() {
  const { account, left } = useSession();
  const session = useMemo(() => account && openSession(account), [account]);
  if (!session) return <SignIn {...left} />;
  return <Signed session={session} onLeave={(error) => sessionStore.leave(session.account, error)} />;
}

type DashboardPart =
  | { readonly kind: 'job'; readonly id: string; readonly note?: string }
  | { readonly kind: 'start'; readonly what: Job['kind']; readonly prefilled?: Prefilled };

/** What the address names. */
function linked(): Extract<DashboardPart, { kind: 'job' }> | undefined {
  const id = readJobLink(location.hash);
  return id === undefined ? undefined : { kind: 'job', id };
}

/** The jobs of one server. `onLeave` takes why the session is over; empty where the visitor ends it. */
function Signed({ session, onLeave }: { readonly session: Session; readonly onLeave: (error: string) => void }) {
  const store = useMemo(() => new JobsStore(session, onLeave), [session]);
  useEffect(() => {
    store.open();
    return () => store.close();
  }, [store]);
  const { jobs, models, missing, error } = useStore(store);
  const [chosen, setChosen] = useState<DashboardPart | undefined>(linked);
  // Until something is chosen, the newest job is looked at.
  const shown: DashboardPart | undefined = chosen ?? (jobs?.[0] && { kind: 'job', id: jobs[0].job_id });
  const id = shown?.kind === 'job' ? shown.id : undefined;
  useEffect(() => store.select(id), [store, id]);
  // The address follows what is looked at, and the other way round.
  useEffect(() => {
    const write = () => {
      if (isOfJobs(location.hash)) history.replaceState(null, '', id === undefined ? '#jobs' : jobLink(id));
    };
    const follow = () => {
      const next = linked();
      if (!next) write();
      else if (next.id !== id) setChosen(next);
    };
    write();
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, [id]);
  const detail = useRef<HTMLDivElement>(null);
  const show = (next: DashboardPart) => {
    setChosen(next);
    // On a phone it stands below the list.
    if (matchMedia('(max-width: 56rem)').matches)
      setTimeout(() => detail.current?.scrollIntoView({ block: 'start', behavior: 'smooth' }));
  };
  const job = jobs?.find(({ job_id }) => job_id === id);
  return (
    <div>
      <div class="jobs-top">
        <p>
          <span class="dot" data-state={error ? 'away' : jobs ? 'here' : 'asked'} aria-hidden="true" />
          {session.address.replace(/^https?:\/\//, '')}
        </p>
        <Button class="go" onClick={() => show({ kind: 'start', what: 'train' })}>
          New training
        </Button>
        <Button onClick={() => show({ kind: 'start', what: 'evaluate' })}>New evaluation</Button>
        <Button onClick={() => onLeave('')}>Sign out</Button>
      </div>
      {error && (
        <p class="banner" role="alert">
          {error.message} <small>Since {moment(error.since.toISOString())}.</small>
        </p>
      )}
      <div class="jobs-parts">
        <JobList jobs={jobs} selected={id} onSelect={(next) => show({ kind: 'job', id: next })} />
        <div class="jobs-detail" ref={detail}>
          {shown?.kind === 'start' ? (
            <RequestForm
              key={`${shown.what} ${JSON.stringify(shown.prefilled)}`}
              store={store}
              kind={shown.what}
              prefilled={shown.prefilled}
              onStarted={(next, note) => show({ kind: 'job', id: next, note })}
              onClose={() => setChosen(undefined)}
            />
          ) : job ? (
            <JobPage
              key={job.job_id}
              store={store}
              job={job}
              model={models.find(({ name }) => name === job.output_dir)}
              note={shown?.note}
              onEvaluate={(prefilled) => show({ kind: 'start', what: 'evaluate', prefilled })}
            />
          ) : (
            <p class="empty">
              {id !== undefined && missing === id
                ? `There is no job ${id.slice(0, 80)} on this server. Look whether the link is whole, and of this server.`
                : jobs?.length === 0
                  ? 'Nothing has been trained on this server yet. A new training appears here, with its curve as it grows.'
                  : 'Asking the server…'}
            </p>
          )}
        </div>
      </div>
    </div>
  );
}
