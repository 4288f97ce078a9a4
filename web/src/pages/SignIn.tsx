import { useState } from 'react';
import { signIn, wasLinkRefused } from '../lib/session';
import { Field } from '../ui/Field';
import { Icon } from '../ui/Icon';
import { Problem } from '../ui/Problem';

/** Exchanges a key for a session; the key is forgotten at once. */
export function SignIn() {
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const submit = async (form: HTMLFormElement) => {
    setBusy(true);
    setError(undefined);
    try {
      await signIn(String(new FormData(form).get('key') ?? '').trim());
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };
  return (
    <main className="lonely">
      <div className="row">
        <img src="/icon.svg" alt="" width="32" height="32" />
        <h1>Sign in to Rollcall</h1>
      </div>
      {wasLinkRefused() && (
        <div className="notice tone-warn" role="alert">
          <Icon name="warning" />
          <span className="grow">
            The link is no longer valid: it signs in once, within ten minutes of the start that
            printed it. Sign in with a key, or start the gateway again for a new link.
          </span>
        </div>
      )}
      <form
        className="card stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (!busy) void submit(event.currentTarget);
        }}
      >
        <Field
          label="Key"
          hint="It is exchanged for a session of this browser and not kept in the page. What you may do here is what the key may do."
        >
          {(ids) => (
            <input
              {...ids}
              name="key"
              type="password"
              className="input mono"
              autoComplete="off"
              spellCheck={false}
              placeholder="rc_…"
              required
            />
          )}
        </Field>
        {error !== undefined && <Problem error={error} />}
        <button type="submit" className="button primary" disabled={busy}>
          {busy ? 'Signing in …' : 'Sign in'}
        </button>
      </form>
      <p className="quiet small">
        The root key lies in <code>data/root-key</code> of the gateway. The API is described at{' '}
        <a href="/docs/">/docs</a>.
      </p>
    </main>
  );
}
