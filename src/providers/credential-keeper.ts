import type { Credentials } from '../model/index.js';
import type { ProviderConnection } from './connection.js';

/** What a provider gave in place of credentials that expire. */
export interface RefreshedCredentials {
  /** Those that have changed, by name. */
  readonly credentials: Credentials;
  /** Of the new access token; `null`: the provider does not say. */
  readonly expiresInSeconds: number | null;
}

/**
 * Keeps the credentials of connections for all replicas, so that a refresh token is spent once:
 * what is stored, and who is about to replace it.
 */
export interface CredentialKeeper {
  /**
   * Has one of all callers, on all replicas, ask for new credentials and stores them; the others
   * get what that one got.
   * @param ask sends the refresh token of the connection it is given
   * @returns the connection with credentials other than those it came with
   * @throws ProviderError as `ask` did; `credential_rejected` when the answer to a former request
   * was lost, so that nobody knows whether the refresh token is still good
   */
  refresh(
    connection: ProviderConnection,
    ask: (held: ProviderConnection) => Promise<RefreshedCredentials>,
  ): Promise<ProviderConnection>;
}
