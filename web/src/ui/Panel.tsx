import { type ReactNode, useEffect, useLayoutEffect, useRef } from 'react';
import { useKeys } from '../lib/keys';
import { Icon } from './Icon';
import { focusRowOf } from './Table';

/**
 * What stands beside a list: it has its own address, and Escape closes it. The focus goes back to its
 * row then.
 */
export function Panel({
  label,
  path,
  close,
  head,
  children,
}: {
  readonly label: string;
  /** Where its row leads. */
  readonly path: string;
  readonly close: () => void;
  readonly head: ReactNode;
  readonly children: ReactNode;
}) {
  const ref = useRef<HTMLElement>(null);
  useKeys({ Escape: close });
  useEffect(() => ref.current?.focus({ preventScroll: true }), []);
  const latest = useRef(path);
  latest.current = path;
  useLayoutEffect(() => {
    const panel = ref.current;
    return () => {
      if (!panel?.contains(document.activeElement)) return;
      // Once the list is as it is without the panel.
      queueMicrotask(() => focusRowOf(latest.current));
    };
  }, []);
  return (
    <section ref={ref} className="panel" aria-label={label} tabIndex={-1}>
      <div className="panel-head">
        <div className="grow">{head}</div>
        <button
          type="button"
          className="button plain icon no-print"
          aria-label="Close the panel"
          onClick={close}
        >
          <Icon name="close" />
        </button>
      </div>
      <div className="panel-body">{children}</div>
    </section>
  );
}

/** Tabs whose choice stands in the address. */
export function Tabs<Name extends string>({
  label,
  tabs,
  chosen,
  choose,
  children,
}: {
  readonly label: string;
  readonly tabs: readonly (readonly [Name, string])[];
  readonly chosen: Name;
  readonly choose: (name: Name) => void;
  readonly children: ReactNode;
}) {
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = list.current;
    const tab = element?.querySelector<HTMLElement>(`[data-tab="${chosen}"]`);
    if (!element || !tab) return;
    // Where they do not all fit, the chosen one stands in the middle.
    const observer = new ResizeObserver(() => {
      element.scrollLeft = tab.offsetLeft - (element.clientWidth - tab.offsetWidth) / 2;
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, [chosen]);
  const move = (by: number) => {
    const at = tabs.findIndex(([name]) => name === chosen);
    const [name] = tabs[(at + by + tabs.length) % tabs.length] ?? [chosen];
    choose(name);
    list.current?.querySelector<HTMLElement>(`[data-tab="${name}"]`)?.focus();
  };
  return (
    <>
      <div ref={list} className="tabs no-print" role="tablist" aria-label={label}>
        {tabs.map(([name, title]) => (
          <button
            key={name}
            type="button"
            role="tab"
            id={`tab-${name}`}
            data-tab={name}
            aria-selected={name === chosen}
            aria-controls="tab-panel"
            tabIndex={name === chosen ? 0 : -1}
            onClick={() => choose(name)}
            onKeyDown={(event) => {
              const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
              if (by === undefined) return;
              event.preventDefault();
              move(by);
            }}
          >
            {title}
          </button>
        ))}
      </div>
      <div
        role="tabpanel"
        id="tab-panel"
        className="tab-panel stack"
        aria-labelledby={`tab-${chosen}`}
      >
        {children}
      </div>
    </>
  );
}
