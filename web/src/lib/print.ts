import { useSyncExternalStore } from 'react';

const print = matchMedia('print');

/** Whether the page is being laid out for paper, where nothing can be scrolled into view. */
export const useIsPrinted = (): boolean =>
  useSyncExternalStore(
    (changed) => {
      print.addEventListener('change', changed);
      return () => print.removeEventListener('change', changed);
    },
    () => print.matches,
  );
