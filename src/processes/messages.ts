/** From a process to its supervisor. */
export type FromMember =
  | { readonly kind: 'ready' }
  /** It wants the metrics of all. */
  | { readonly kind: 'gather'; readonly ask: number }
  /** Its own, as it was asked to. */
  | { readonly kind: 'told'; readonly ask: number; readonly text: string };

/** From the supervisor to a process. */
export type ToMember =
  | { readonly kind: 'tell'; readonly ask: number }
  | { readonly kind: 'gathered'; readonly ask: number; readonly texts: readonly string[] };
