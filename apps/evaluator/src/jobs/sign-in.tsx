// Which server, and its password.

import { ServiceError } from '@ludic/service';
import { useEffect, useState } from 'preact/hooks';
import { CheckLine, TextField } from '../ui/fields.tsx';
import { Alert, Form } from '../ui/form.tsx';
import { ownAddress, sessionStore, tidyAddress } from './account.ts';
import { messageOf } from './messages.ts';
import { openSession } from './session.ts';

/** What the last session has left. */
export interface SignInProps {
  /** Where the visitor was before, and why that is over. */
  readonly address?: string | undefined;
  readonly error?: string | undefined;
}

/** Asks the server for its jobs once: so a wrong password is refused here, beside its field. */
export function SignIn({ address: before, error: first = '' }: SignInProps) {
  const [address, setAddress] = useState(before ?? ownAddress());
  const [password, setPassword] = useState('');
  const [keep, setKeep] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(first);
  const [wait, setWait] = useState(0);

  useEffect(() => {
    if (wait <= 0) return;
    const timer = setTimeout(() => setWait(wait - 1), 1000);
    return () => clearTimeout(timer);
  }, [wait]);

  const open = async () => {
    setBusy(true);
    setError('');
    const account = { address: tidyAddress(address), password };
    try {
      await openSession(account).prompt.jobs({ limit: 1 });
      sessionStore.signIn(account, keep);
    } catch (error) {
      const { address: place } = account;
      const isOwn = URL.canParse(place) && new URL(place).origin === location.origin;
      if (error instanceof ServiceError && error.retryAfter !== undefined) setWait(Math.ceil(error.retryAfter));
      setError(messageOf(error, { address: place, isOwn }));
      setBusy(false);
    }
  };

  return (
    <Form
      class="card sign-in"
      aria-labelledby="sign-in-title"
      onSubmit={() => {
        if (wait === 0 && !busy) void open();
      }}
    >
      <h2 id="sign-in-title">Sign in to a server</h2>
      <p class="lead">
        Train on another machine and watch it from here: "ludic serve" runs trainings as jobs, behind a password.
      </p>
      <TextField
        label="Server"
        inputMode="url"
        // To keepers of passwords the address is the name that belongs to one.
        autocomplete="username"
        value={address}
        onChange={setAddress}
      />
      <TextField
        label="Password"
        hint="Where several share a server: name:password."
        type="password"
        autocomplete="current-password"
        value={password}
        onChange={setPassword}
      />
      <CheckLine text="Stay signed in until this tab closes" checked={keep} onChange={setKeep} />
      <Alert text={error} />
      <button type="submit" class="go" disabled={busy || wait > 0}>
        {wait > 0 ? `Sign in (in ${wait} s)` : busy ? 'Signing in…' : 'Sign in'}
      </button>
    </Form>
  );
}
