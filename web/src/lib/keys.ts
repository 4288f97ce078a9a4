import { useEffect, useRef } from 'react';

type Handlers = Readonly<Record<string, (() => void) | undefined>>;

/** Whether keys are text there, or belong to a dialog. */
function takesText(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.matches('input:not([type=checkbox]), textarea, select, [contenteditable]') ||
      target.closest('dialog') !== null)
  );
}

/** Does something when a key is pressed outside of fields and dialogs; `mod+k` works in fields too. */
export function useKeys(handlers: Handlers): void {
  const latest = useRef(handlers);
  latest.current = handlers;
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      const mod = event.metaKey || event.ctrlKey;
      if (event.altKey || event.defaultPrevented) return;
      const name = mod ? `mod+${event.key.toLowerCase()}` : event.key;
      const handler = latest.current[name];
      if (handler === undefined || (!mod && takesText(event.target))) return;
      event.preventDefault();
      handler();
    };
    document.addEventListener('keydown', listen);
    return () => document.removeEventListener('keydown', listen);
  }, []);
}
