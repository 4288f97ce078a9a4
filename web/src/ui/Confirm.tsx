import { type ReactNode, useState } from 'react';
import { Dialog } from './Dialog';
import { Field } from './Field';
import { Problem } from './Problem';

/** Asks before something that is hard to undo, and shows why it could not be done. */
export function Confirm({
  title,
  action,
  typed,
  close,
  run,
  children,
}: {
  readonly title: string;
  /** What the button says: a verb. */
  readonly action: string;
  /** What a person must type first, where nothing brings it back. */
  readonly typed?: string;
  readonly close: () => void;
  readonly run: () => Promise<unknown>;
  readonly children: ReactNode;
}) {
  const [given, setGiven] = useState('');
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const ready = typed === undefined || given.trim() === typed;
  const submit = async () => {
    setBusy(true);
    setError(undefined);
    try {
      await run();
      close();
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} close={close}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (ready && !busy) void submit();
        }}
      >
        {children}
        {typed !== undefined && (
          <Field label={`Type ${typed} to confirm`}>
            {(ids) => (
              <input
                {...ids}
                className="input"
                autoComplete="off"
                value={given}
                onChange={(event) => setGiven(event.target.value)}
              />
            )}
          </Field>
        )}
        {error !== undefined && <Problem error={error} />}
        <div className="row dialog-foot">
          <button type="button" className="button" onClick={close}>
            Cancel
          </button>
          <button type="submit" className="button danger primary" disabled={!ready || busy}>
            {busy ? 'Working …' : action}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
