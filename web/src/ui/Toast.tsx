import { createContext, type ReactNode, useCallback, useContext, useState } from 'react';

const SHOWN_MS = 6_000;
const Toasts = createContext<(text: string) => void>(() => undefined);

/** Tells in a live region what has happened. */
export const useToast = () => useContext(Toasts);

export function ToastProvider({ children }: { readonly children: ReactNode }) {
  const [shown, setShown] = useState<readonly { id: number; text: string }[]>([]);
  const tell = useCallback((text: string) => {
    const id = Math.random();
    setShown((before) => [...before.slice(-2), { id, text }]);
    setTimeout(() => setShown((before) => before.filter((toast) => toast.id !== id)), SHOWN_MS);
  }, []);
  return (
    <Toasts value={tell}>
      {children}
      <div className="toasts no-print" role="status">
        {shown.map(({ id, text }) => (
          <div key={id} className="toast">
            {text}
          </div>
        ))}
      </div>
    </Toasts>
  );
}
