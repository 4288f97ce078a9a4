import {
  type UseMutationOptions,
  type UseMutationResult,
  useMutation,
} from '@tanstack/react-query';
import { useRef } from 'react';

type Action<Data, Given> = Omit<UseMutationResult<Data, Error, Given>, 'mutate'> & {
  readonly mutate: (given: Given) => void;
};

/**
 * Something that is asked of the gateway by a press or a form. The same is not asked for again while
 * it is on its way: a button is disabled only once the page is drawn again, after a double click.
 */
export function useAction<Data, Given = void>(
  options: UseMutationOptions<Data, Error, Given>,
): Action<Data, Given> {
  const mutation = useMutation(options);
  const running = useRef(new Set<string>());
  const mutate = (given: Given) => {
    const what = JSON.stringify(given instanceof FormData ? [...given] : [given]);
    if (running.current.has(what)) return;
    running.current.add(what);
    const end = () => void running.current.delete(what);
    // What failed is in the mutation's state.
    void mutation.mutateAsync(given).then(end, end);
  };
  return { ...mutation, mutate };
}
