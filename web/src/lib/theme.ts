const STORED = 'rollcall.theme';
export const THEMES = ['system', 'light', 'dark'] as const;
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
}
