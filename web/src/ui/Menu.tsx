import { type ReactNode, useEffect, useRef } from 'react';

/** A button that opens a small panel below it; Escape and a click elsewhere close it. */
export function Menu({
  label,
  name,
  className = 'button',
  end = false,
  children,
}: {
  readonly label: ReactNode;
  /** For screen readers, where the label is an icon. */
  readonly name?: string;
  readonly className?: string;
  /** The panel ends where the button ends. */
  readonly end?: boolean;
  readonly children: ReactNode;
}) {
  const ref = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    const element = ref.current;
    const shut = (event: Event) => {
      if (element === null || !element.open) return;
      const isKey = event instanceof KeyboardEvent;
      if (isKey ? event.key !== 'Escape' : element.contains(event.target as Node)) return;
      element.open = false;
      if (isKey) {
        event.preventDefault();
        element.querySelector('summary')?.focus();
      }
    };
    // Before the page's own Escape, which would close what lies below.
    document.addEventListener('keydown', shut, true);
    document.addEventListener('pointerdown', shut);
    return () => {
      document.removeEventListener('keydown', shut, true);
      document.removeEventListener('pointerdown', shut);
    };
  }, []);
  return (
    <details ref={ref} className="menu no-print">
      <summary className={className} aria-label={name} title={name}>
        {label}
      </summary>
      <div className={end ? 'menu-panel at-end' : 'menu-panel'}>{children}</div>
    </details>
  );
}
