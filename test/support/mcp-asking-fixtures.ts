import {
  acceptedContent,
  createRequestStateCodec,
  inputRequired,
  type McpServer,
} from '@modelcontextprotocol/server';
import { z } from 'zod';

/** What the fixtures' states are signed with. */
export const states = createRequestStateCodec<{ readonly half: number }>({ key: 'x'.repeat(32) });

const text = (said: string) => ({ content: [{ type: 'text' as const, text: said }] });
/** A form with one field that must be a text. */
const form = (message: string, field: string) =>
  inputRequired.elicit({ message, requestedSchema: z.object({ [field]: z.string() }) });
const sample = (said: string) =>
  inputRequired.createMessage({
    messages: [{ role: 'user', content: { type: 'text', text: said } }],
    maxTokens: 100,
  });

/** Tools and a prompt that ask the client for something before they answer. */
export function askingFixtures(server: McpServer): void {
  const description = 'Asks the client for something.';
  server.registerTool('test_input_required_result_elicitation', { description }, ({ mcpReq }) => {
    const name = z.object({ name: z.string() });
    const given = acceptedContent(mcpReq.inputResponses, 'user_name', name);
    return given === undefined
      ? inputRequired({ inputRequests: { user_name: form('What is your name?', 'name') } })
      : text(`Hello, ${given.name}!`);
  });
  const askedOf = {
    capital: sample('What is the capital of France?'),
    roots: inputRequired.listRoots(),
  };
  server.registerTool(
    'test_input_required_result_sampling',
    { description },
    ({ mcpReq: { inputResponses } }) =>
      inputResponses?.capital === undefined
        ? inputRequired({ inputRequests: { capital: askedOf.capital } })
        : text(JSON.stringify(inputResponses.capital)),
  );
  server.registerTool(
    'test_input_required_result_list_roots',
    { description },
    ({ mcpReq: { inputResponses } }) =>
      inputResponses?.roots === undefined
        ? inputRequired({ inputRequests: { roots: askedOf.roots } })
        : text(JSON.stringify(inputResponses.roots)),
  );
  server.registerTool(
    'test_input_required_result_multiple_inputs',
    { description },
    async ({ mcpReq: { inputResponses } }) => {
      const inputRequests = { name: form('What is your name?', 'name'), ...askedOf };
      const isThere = (asked: string) => inputResponses?.[asked] !== undefined;
      return Object.keys(inputRequests).every(isThere)
        ? text(JSON.stringify(inputResponses))
        : inputRequired({ inputRequests, requestState: await states.mint({ half: 1 }) });
    },
  );
  for (const name of ['request_state', 'tampered_state'])
    server.registerTool(
      `test_input_required_result_${name}`,
      { description },
      async ({ mcpReq }) =>
        mcpReq.requestState() === undefined
          ? inputRequired({
              inputRequests: { confirm: form('Go on?', 'ok') },
              requestState: await states.mint({ half: 1 }),
            })
          : text('state-ok'),
    );
  server.registerTool(
    'test_input_required_result_multi_round',
    { description },
    async ({ mcpReq }) => {
      const { half = 0 } = mcpReq.requestState<{ half: number }>() ?? {};
      if (half === 2) return text('Done.');
      const asks = [form('What is your name?', 'name'), form('Which color?', 'color')] as const;
      return inputRequired({
        inputRequests: { step: asks[half === 0 ? 0 : 1] },
        requestState: await states.mint({ half: half + 1 }),
      });
    },
  );
  server.registerTool(
    'test_input_required_result_capabilities',
    { description },
    ({ mcpReq: { inputResponses } }) => {
      const able = server.server.getClientCapabilities();
      if (inputResponses !== undefined) return text(JSON.stringify(inputResponses));
      return inputRequired({
        inputRequests: {
          ...(able?.sampling && { capital: askedOf.capital }),
          ...(able?.elicitation && { name: form('What is your name?', 'name') }),
        },
      });
    },
  );
  const asking = ['test_streaming_elicitation', 'test_elicitation'];
  for (const name of [
    ...asking,
    ...['sep1034_defaults', 'sep1330_enums'].map((kind) => `test_elicitation_${kind}`),
  ])
    server.registerTool(name, { description }, () =>
      inputRequired({ inputRequests: { name: form('What is your name?', 'name') } }),
    );
  for (const name of ['test_sampling', 'test_missing_capability'])
    server.registerTool(name, { description }, () =>
      inputRequired({ inputRequests: { capital: askedOf.capital } }),
    );
  server.registerPrompt(
    'test_input_required_result_prompt',
    { description },
    ({ mcpReq: { inputResponses } }) =>
      inputResponses?.context === undefined
        ? inputRequired({ inputRequests: { context: form('Which context?', 'context') } })
        : {
            messages: [
              {
                role: 'user',
                content: { type: 'text', text: JSON.stringify(inputResponses.context) },
              },
            ],
          },
  );
}
