import type { ReactNode } from 'react';
import { RollcallError } from '../lib/api';
import { NotLoaded, reload } from '../lib/loaded';
import { Copy } from './Copy';
import { Icon, type IconName } from './Icon';

/** What went wrong, what it is called, and a way to try again. */
export function Problem({
  error,
  retry,
}: {
  readonly error: unknown;
  readonly retry?: (() => unknown) | undefined;
}) {
  const problem = error instanceof RollcallError ? error.problem : undefined;
  const isForbidden = problem?.status === 403;
  const isNotLoaded = error instanceof NotLoaded;
  const again = isNotLoaded ? reload : retry;
  const offline = problem === undefined && error instanceof TypeError;
  return (
    <div className={`notice tone-${isForbidden ? 'unknown' : 'bad'}`} role="alert">
      <Icon name={isForbidden ? 'keys' : 'unhealthy'} />
      <div className="grow stack tight">
        <strong>
          {isForbidden
            ? 'This key may not do that'
            : offline
              ? 'The gateway cannot be reached'
              : isNotLoaded
                ? 'This could not be loaded'
                : (problem?.title ?? 'This cannot be shown')}
        </strong>
        <span>
          {offline
            ? 'Check that it runs and that this computer is online.'
            : (problem?.detail ?? (isNotLoaded ? error.message : String(error)))}
        </span>
        {problem?.errors?.map(({ field, message }) => (
          <span key={`${field}${message}`}>
            <code>{field}</code> {message}
          </span>
        ))}
        {problem && (
          <span className="row wrap small">
            <code>{problem.code}</code>
            <span className="row tight">
              <code>{problem.request_id}</code>
              <Copy text={problem.request_id} what="request id" />
            </span>
          </span>
        )}
      </div>
      {again && !isForbidden && (
        <button type="button" className="button" onClick={() => again()}>
          <Icon name="refresh" />
          Try again
        </button>
      )}
    </div>
  );
}

/** Nothing is there: why, and the next step. */
export function Empty({
  icon,
  title,
  children,
}: {
  readonly icon: IconName;
  readonly title: string;
  readonly children?: ReactNode;
}) {
  return (
    <div className="empty">
      <span className="empty-icon">
        <Icon name={icon} size={22} />
      </span>
      <h2>{title}</h2>
      {children && <div className="stack quiet">{children}</div>}
    </div>
  );
}

/** Lines in the shape of what is on its way. */
export function Skeleton({ lines = 3 }: { readonly lines?: number }) {
  return (
    <div className="stack" aria-busy="true">
      <span className="sr-only">Loading</span>
      {Array.from({ length: lines }, (_, index) => `line ${index}`).map((line) => (
        <span key={line} className="skeleton" />
      ))}
    </div>
  );
}
