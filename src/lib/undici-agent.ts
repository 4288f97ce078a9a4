import type {
  Agent as AgentType,
  buildConnector as BuildConnector,
  Client as ClientType,
} from 'undici';
import api from 'undici/lib/api/index.js';
import undiciConnector from 'undici/lib/core/connect.js';
import UndiciAgent from 'undici/lib/dispatcher/agent.js';
import UndiciClient from 'undici/lib/dispatcher/client.js';
import Dispatcher from 'undici/lib/dispatcher/dispatcher.js';

// As the package's own index does. That one also loads fetch, caches, mocks and WebSockets, of which
// the gateway uses none: 9 MB in each process, and a tenth of a start's processor time.
Object.assign(Dispatcher.prototype, api);

/** The connections to other servers. */
export const Agent: typeof AgentType = UndiciAgent;
export type Agent = AgentType;

/** One connection to another server. */
export const Client: typeof ClientType = UndiciClient;
export type Client = ClientType;

/** What connects them. */
export const buildConnector: typeof BuildConnector = undiciConnector;
