import type { Agent as AgentType } from 'undici';
import api from 'undici/lib/api/index.js';
import UndiciAgent from 'undici/lib/dispatcher/agent.js';
import Dispatcher from 'undici/lib/dispatcher/dispatcher.js';

// As the package's own index does. That one also loads fetch, caches, mocks and WebSockets, of which
// the gateway uses none: 9 MB in each process, and a tenth of a start's processor time.
Object.assign(Dispatcher.prototype, api);

/** The connections to other servers. */
export const Agent: typeof AgentType = UndiciAgent;
export type Agent = AgentType;
