import { runApi, shapeApi } from '../commands/api.js';
import { CHECK_FIELDS, doctor } from '../commands/doctor.js';
import { openPage } from '../commands/open.js';
import type { Noun } from '../declared.js';
import { EXIT } from '../exit-codes.js';
import { addAccessFlags, addOutputFlags } from '../flags.js';

export const nouns: readonly Noun[] = [
  {
    name: 'api',
    commands: [
      {
        verb: 'api',
        summary: 'send any request to the API: [METHOD] PATH',
        takes: '<words...>',
        examples: [
          'api /v1/whoami',
          'api GET /v1/accounts -f provider=outfame --paginate --jq ".[].username"',
          'api POST /v1/teams -f name=marketing',
          'api PATCH /v1/accounts/outfame:acc_aCme1Fit00 -F labels[brand]=acme',
          'api /openapi.json --jq .info.title',
        ],
        shape: shapeApi,
        run: runApi,
      },
    ],
  },
  {
    name: 'doctor',
    commands: [
      {
        verb: 'doctor',
        summary:
          "check the stored key, the connection to the gateway, and the gateway's own checks",
        routes: [
          'teams.whoami',
          'system.ready',
          'system.health',
          'providers.list',
          'connections.list',
        ],
        fields: CHECK_FIELDS,
        examples: ['doctor', 'doctor --json'],
        shape: (command) => void addAccessFlags(addOutputFlags(command)),
        run: doctor,
      },
    ],
  },
  {
    name: 'open',
    commands: [
      {
        verb: 'open',
        summary: 'open the console page of an id, or of a noun such as findings',
        takes: '[id]',
        examples: ['open ACCOUNT --print', 'open findings --print', 'open --print'],
        shape: (command) => {
          command.option('--print', 'only print the address');
          addAccessFlags(command);
        },
        run: openPage,
      },
    ],
  },
  {
    name: 'mcp',
    commands: [
      {
        verb: 'mcp',
        summary: 'serve the Model Context Protocol on standard input and output',
        examples: ['mcp --help'],
        shape: (command) => void addAccessFlags(command),
        run: async (call) => {
          const { serveMcp } = await import('../commands/mcp.js');
          await serveMcp(call);
          return EXIT.done;
        },
      },
    ],
  },
];
