import type { IncomingHttpHeaders } from 'node:http';

/** What a provider answered to one request, whatever its status. */
export interface ProviderResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Empty when there is none. */
  readonly body: string;
}
