import {
  type McpServer,
  ResourceNotFoundError,
  ResourceTemplate,
} from '@modelcontextprotocol/server';
import { type Rollcall, RollcallError } from '../client/index.js';
import { reasonsPage } from './reasons.js';
import { accountOf } from './shapes.js';
import { required } from './tools/accounts.js';
import { DATA_NOTICE, plainJson } from './untrusted.js';

const JSON_TYPE = 'application/json';

/** What can be read by its address: an account, a provider, and what the reasons mean. */
export function registerResources(server: McpServer, api: Rollcall): void {
  const byId = (kind: string) =>
    new ResourceTemplate(`rollcall://${kind}/{id}`, { list: undefined });
  const read = async (uri: URL, look: () => Promise<object>) => {
    const data = await look().catch((error: unknown) => {
      if (error instanceof RollcallError && error.problem.status === 404)
        throw new ResourceNotFoundError(uri.href);
      throw error;
    });
    const text = JSON.stringify({ notice: DATA_NOTICE, ...data });
    return { contents: [{ uri: uri.href, mimeType: JSON_TYPE, text }] };
  };
  server.registerResource(
    'account',
    byId('accounts'),
    { title: 'Account', description: 'An account, by its id.', mimeType: JSON_TYPE },
    (uri, { id }) =>
      read(uri, async () => {
        const params = { path: { id: only(id) } };
        const { data: answer } = await api.GET('/v1/accounts/{id}', { params });
        return { account: accountOf(required(answer).data) };
      }),
  );
  server.registerResource(
    'provider',
    byId('providers'),
    { title: 'Provider', description: 'A provider, by its id.', mimeType: JSON_TYPE },
    (uri, { id }) =>
      read(uri, async () => {
        const params = { path: { provider: only(id) } };
        const { data: answer } = await api.GET('/v1/providers/{provider}', { params });
        return { provider: plainJson(required(answer).data) };
      }),
  );
  server.registerResource(
    'reasons',
    'rollcall://docs/reasons',
    {
      title: 'Reasons of health verdicts',
      description: 'What each `reason` of a health verdict means.',
      mimeType: 'text/markdown',
    },
    async (uri) => ({
      contents: [{ uri: uri.href, mimeType: 'text/markdown', text: reasonsPage() }],
    }),
  );
}

const only = (variable: string | string[] | undefined) => decodeURIComponent(String(variable));
