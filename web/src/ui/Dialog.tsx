import { type ReactNode, useId, useLayoutEffect, useRef } from 'react';
import { Icon } from './Icon';

const FIELDS = 'input:not(:disabled), select:not(:disabled), textarea:not(:disabled)';

/**
 * A modal dialog: the browser's own, with its Escape. Its first field is focused, and when it closes
 * what was focused before.
 */
export function Dialog({
  title,
  close,
  wide = false,
  children,
}: {
  readonly title: string;
  readonly close: () => void;
  readonly wide?: boolean;
  readonly children: ReactNode;
}) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  // Not in an effect: that would close it, which gives the focus back, once it is off the page.
  useLayoutEffect(() => {
    const dialog = ref.current;
    if (dialog === null) return;
    dialog.showModal();
    return () => dialog.close();
  }, []);
  // With each render, as fields may come later: until then the browser's choice is the first button.
  useLayoutEffect(() => {
    const { activeElement: focused } = document;
    if (focused !== ref.current && focused?.closest('.dialog-head') == null) return;
    ref.current?.querySelector<HTMLElement>(`.dialog-body :is(${FIELDS})`)?.focus();
  });
  return (
    <dialog
      ref={ref}
      className={wide ? 'dialog wide' : 'dialog'}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        close();
      }}
    >
      <div className="dialog-head">
        <h2 id={id}>{title}</h2>
        <button type="button" className="button plain icon" aria-label="Close" onClick={close}>
          <Icon name="close" />
        </button>
      </div>
      <div className="dialog-body stack">{children}</div>
    </dialog>
  );
}
