import { useSyncExternalStore } from 'react';

const STORED = 'rollcall.theme';
export const THEMES = ['system', 'light', 'dark'] as const;
const watchers = new Set<() => void>();
export type Theme = (typeof THEMES)[number];

export function theme(): Theme {
  const stored = localStorage.getItem(STORED);
  return THEMES.find((name) => name === stored) ?? 'system';
}

/** Shows the page in the theme that this browser was told, or the system's. */
export function applyTheme(chosen: Theme = theme()): void {
  if (chosen === 'system') localStorage.removeItem(STORED);
  else localStorage.setItem(STORED, chosen);
  document.documentElement.dataset.theme = chosen;
  for (const changed of watchers) changed();
}

const system = matchMedia('(prefers-color-scheme: dark)');
const isDark = () => (theme() === 'system' ? system.matches : theme() === 'dark');

/** Whether the page is dark now, for what is painted with colours that were read from it. */
export const useIsDark = (): boolean =>
  useSyncExternalStore((changed) => {
    watchers.add(changed);
    system.addEventListener('change', changed);
    return () => {
      watchers.delete(changed);
      system.removeEventListener('change', changed);
    };
  }, isDark);
