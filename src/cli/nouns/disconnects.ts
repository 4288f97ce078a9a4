import type { Call, Noun, OwnCall } from '../declared.js';
import { shapeDisconnect } from '../disconnect/flags.js';
import { type Disconnect, follow, tellCancelled } from '../disconnect/follow.js';
import { counted } from '../disconnect/plan.js';
import { planDisconnect, runDisconnect } from '../disconnect/run.js';
import { addAccessFlags, addOutputFlags } from '../flags.js';
import { ROUTES } from '../routes.gen.js';

const COLUMNS =
  'id state reason_code:reason summary.total:total summary.succeeded:succeeded summary.failed:failed requested_by.name:requested_by created_at';
const STEPS = 'ref username state outcome verified last_error.code:error attempts account_id';

const followed = (data: Readonly<Record<string, unknown>>, call: Call) =>
  follow(call, { id: String(data.id) });
const watched = ({ words: [id = ''], ...call }: OwnCall) => follow(call, { id });

export const nouns: readonly Noun[] = [
  {
    name: 'disconnects',
    commands: [
      {
        verb: 'plan',
        summary: 'show what would happen to each account, and the hash of this plan',
        takes: '[id...]',
        routes: ['disconnects.disconnectMany'],
        fields: ROUTES['disconnects.disconnectMany'].fields,
        examples: [
          'disconnects plan --username northwind.goods',
          'disconnects plan outfame:acc_aCme1Fit00 --json plan_hash,totals',
        ],
        shape: (command) => shapeDisconnect(command, { isRun: false, selects: ['filter'] }),
        run: planDisconnect,
      },
      {
        verb: 'run',
        summary: 'disconnect accounts: shows what will happen, asks, and waits for the end',
        takes: '[id...]',
        routes: ['disconnects.disconnectMany'],
        fields: ROUTES['disconnects.get'].fields,
        examples: [
          'disconnects run --username northwind.goods --reason-code offboarding --dry-run',
          'disconnects run - --dry-run < ids.txt',
        ],
        shape: (command) => shapeDisconnect(command, { isRun: true, selects: ['filter'] }),
        run: runDisconnect,
      },
      {
        verb: 'list',
        route: 'disconnects.list',
        columns: COLUMNS,
        examples: ['disconnects list --state running,partial'],
      },
      { verb: 'get', route: 'disconnects.get', examples: ['disconnects get DISCONNECT'] },
      {
        verb: 'steps',
        route: 'disconnects.steps',
        columns: STEPS,
        examples: ['disconnects steps DISCONNECT --state failed'],
      },
      {
        verb: 'watch',
        summary: 'wait until a disconnect has ended',
        takes: '<id>',
        routes: ['disconnects.get'],
        fields: ROUTES['disconnects.get'].fields,
        examples: ['disconnects watch DISCONNECT'],
        shape: (command) => void addAccessFlags(addOutputFlags(command)),
        run: watched,
      },
      {
        verb: 'receipt',
        route: 'disconnects.receipt',
        examples: ['disconnects receipt DISCONNECT --json'],
      },
      {
        verb: 'cancel',
        route: 'disconnects.cancel',
        examples: ['disconnects cancel DISCONNECT'],
        follow: async (data, call) => tellCancelled(call, data as unknown as Disconnect),
      },
      {
        verb: 'retry',
        route: 'disconnects.retry',
        examples: ['disconnects retry DISCONNECT'],
        follow: followed,
      },
      {
        verb: 'approve',
        route: 'disconnects.approve',
        examples: ['disconnects approve DISCONNECT --dry-run'],
        follow: followed,
        removes: {
          tells: 'disconnects.get',
          effects: async (thing) => {
            const {
              summary,
              steps,
              requested_by: by,
            } = thing as unknown as Disconnect & {
              readonly steps: readonly { readonly ref: string; readonly username: string | null }[];
              readonly requested_by: { readonly name: string };
            };
            return [
              `Disconnects ${counted(summary.pending)}, as ${by.name} asked for:`,
              ...steps.map(({ ref, username }) => `  ${ref}${username ? ` (${username})` : ''}`),
            ];
          },
          count: async (thing) => (thing as unknown as Disconnect).summary.pending,
        },
      },
    ],
  },
];
