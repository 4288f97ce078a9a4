import { fromJsonSchema, McpServer, ResourceTemplate } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { askingFixtures, states } from './mcp-asking-fixtures.js';

/** One pixel, and a sound of no length. */
const IMAGE =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==';
const AUDIO = 'UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA=';

const SCHEMA_2020_12 = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  $defs: {
    address: {
      $anchor: 'addressDef',
      type: 'object',
      properties: { street: { type: 'string' }, city: { type: 'string' } },
    },
  },
  properties: {
    name: { type: 'string' },
    address: { $ref: '#/$defs/address' },
    contactMethod: { type: 'string', enum: ['phone', 'email'] },
    phone: { type: 'string' },
    email: { type: 'string' },
  },
  allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
  if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
  ...Object.fromEntries([['then', { required: ['phone'] }]]),
  else: { required: ['email'] },
  additionalProperties: false,
} as const;

const text = (said: string) => ({ content: [{ type: 'text' as const, text: said }] });
const image = { type: 'image' as const, data: IMAGE, mimeType: 'image/png' };
const resourceAt = (uri: string) => ({
  type: 'resource' as const,
  resource: { uri, mimeType: 'text/plain', text: 'An embedded resource.' },
});

/**
 * A server of the tools, resources and prompts that the official conformance suite calls by name, to
 * be served by the gateway's own handler.
 */
export function fixtureServer(): McpServer {
  const server = new McpServer(
    { name: 'fixtures', version: '1' },
    {
      capabilities: {
        ...{ tools: { listChanged: false }, resources: { listChanged: false } },
        ...{ prompts: { listChanged: false }, completions: {}, logging: {} },
      },
      requestState: { verify: states.verify },
    },
  );
  contentTools(server);
  askingFixtures(server);
  resources(server);
  prompts(server);
  server.server.setRequestHandler('completion/complete', () => ({
    completion: { values: ['paris', 'park'], total: 2, hasMore: false },
  }));
  server.server.setRequestHandler('logging/setLevel', () => ({}));
  return server;
}

function contentTools(server: McpServer): void {
  const describe = (description: string) => ({ description });
  server.registerTool('test_simple_text', describe('Text.'), () => text('A simple text.'));
  server.registerTool('test_image_content', describe('An image.'), () => ({ content: [image] }));
  server.registerTool('test_audio_content', describe('A sound.'), () => ({
    content: [{ type: 'audio', data: AUDIO, mimeType: 'audio/wav' }],
  }));
  server.registerTool('test_embedded_resource', describe('A resource.'), () => ({
    content: [resourceAt('test://embedded-resource')],
  }));
  server.registerTool('test_multiple_content_types', describe('Several.'), () => ({
    content: [...text('Several:').content, image, resourceAt('test://mixed-content-resource')],
  }));
  server.registerTool('test_error_handling', describe('Fails.'), () => {
    throw new Error('This tool fails on purpose.');
  });
  server.registerTool('test_logging_tool', describe('Logs.'), async (context) => {
    await context.mcpReq.log('info', 'Logged where the client asks for it.');
    return text('Logged.');
  });
  server.registerTool(
    'test_x_mcp_header',
    {
      description: 'An argument that is in a header too.',
      inputSchema: z.object({ region: z.string().meta({ 'x-mcp-header': 'Region' }) }),
    },
    ({ region }) => text(region),
  );
  server.registerTool(
    'json_schema_2020_12_tool',
    { description: 'Words of JSON Schema 2020-12.', inputSchema: fromJsonSchema(SCHEMA_2020_12) },
    (given) => text(JSON.stringify(given)),
  );
  server.registerTool('test_tool_with_logging', describe('Logs.'), async (context) => {
    for (const data of ['Started', 'At work', 'Done']) await context.mcpReq.log('info', data);
    return text('Logged.');
  });
  server.registerTool('test_tool_with_progress', describe('Progresses.'), async (context) => {
    const progressToken = context.mcpReq._meta?.progressToken ?? 0;
    for (const progress of [0, 50, 100])
      await context.mcpReq.notify({
        method: 'notifications/progress',
        params: { progressToken, progress, total: 100 },
      });
    return text('Progressed.');
  });
}

function resources(server: McpServer): void {
  const plain = (uri: string, said: string) => ({
    contents: [{ uri, mimeType: 'text/plain', text: said }],
  });
  for (const name of ['static-text', 'watched-resource'])
    server.registerResource(
      name,
      `test://${name}`,
      { description: 'A text.', mimeType: 'text/plain' },
      (uri) => plain(uri.href, 'The content of a text resource.'),
    );
  server.registerResource(
    'static-binary',
    'test://static-binary',
    { description: 'An image.', mimeType: 'image/png' },
    (uri) => ({ contents: [{ uri: uri.href, mimeType: 'image/png', blob: IMAGE }] }),
  );
  server.registerResource(
    'template',
    new ResourceTemplate('test://template/{id}/data', { list: undefined }),
    { description: 'By an id.', mimeType: 'application/json' },
    (uri, { id }) =>
      plain(
        uri.href,
        JSON.stringify({ id, templateTest: true, data: `Data for ID: ${String(id)}` }),
      ),
  );
}

function prompts(server: McpServer): void {
  const user = (
    content: ReturnType<typeof resourceAt> | typeof image | { type: 'text'; text: string },
  ) => ({
    role: 'user' as const,
    content,
  });
  const said = (words: string) => user({ type: 'text', text: words });
  server.registerPrompt('test_simple_prompt', { description: 'A prompt.' }, () => ({
    messages: [said('A simple prompt.')],
  }));
  server.registerPrompt(
    'test_prompt_with_arguments',
    {
      description: 'A prompt with arguments.',
      argsSchema: z.object({ arg1: z.string(), arg2: z.string() }),
    },
    ({ arg1, arg2 }) => ({
      messages: [said(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)],
    }),
  );
  server.registerPrompt(
    'test_prompt_with_embedded_resource',
    { description: 'A prompt with a resource.', argsSchema: z.object({ resourceUri: z.string() }) },
    ({ resourceUri }) => ({ messages: [user(resourceAt(resourceUri)), said('Read it.')] }),
  );
  server.registerPrompt(
    'test_prompt_with_image',
    { description: 'A prompt with an image.' },
    () => ({
      messages: [user(image), said('Look at it.')],
    }),
  );
}
