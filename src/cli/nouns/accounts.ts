import type { Noun } from '../declared.js';
import { shapeDisconnect } from '../disconnect/flags.js';
import { disconnectAccounts } from '../disconnect/run.js';

const COLUMNS =
  'id username platform health.status:health status provider health.reason:reason metrics.followers:followers ref';
const HEALTH = 'id username platform health.status:health health.reason:reason provider status ref';

export const nouns: readonly Noun[] = [
  {
    name: 'accounts',
    commands: [
      {
        verb: 'list',
        route: 'accounts.list',
        columns: COLUMNS,
        examples: [
          'accounts list --provider outfame --health unhealthy,warning',
          'accounts list --label brand=acme --json id,username,health.status',
          'accounts list --all --output csv',
        ],
      },
      {
        verb: 'get',
        route: 'accounts.get',
        columns: COLUMNS,
        takesMany: true,
        examples: [
          'accounts get outfame:acc_aCme1Fit00',
          'accounts get acc_aCme1Fit00 --jq .username',
        ],
      },
      {
        verb: 'create',
        route: 'accounts.create',
        columns: COLUMNS,
        examples: [
          'accounts create --provider outfame --platform instagram --username northwind.cli',
        ],
      },
      {
        verb: 'update',
        route: 'accounts.change',
        columns: COLUMNS,
        takesMany: true,
        examples: ['accounts update outfame:acc_aCme1Fit00 --labels brand=acme'],
      },
      {
        verb: 'probe',
        route: 'accounts.probe',
        columns: COLUMNS,
        takesMany: true,
        examples: ['accounts probe outfame:acc_aCme1Fit00'],
      },
      {
        verb: 'pause',
        route: 'accounts.pause',
        columns: COLUMNS,
        takesMany: true,
        examples: ['accounts pause outfame:acc_aCme1Fit00'],
      },
      {
        verb: 'resume',
        route: 'accounts.resume',
        columns: COLUMNS,
        takesMany: true,
        examples: ['accounts resume outfame:acc_aCme1Fit00'],
      },
      {
        verb: 'health',
        route: 'health.ofAccount',
        examples: ['accounts health outfame:acc_aCme1Fit00 --json health,uptime'],
      },
      {
        verb: 'verdicts',
        route: 'accounts.health',
        columns: HEALTH,
        examples: ['accounts verdicts --health unhealthy --limit 10'],
      },
      {
        verb: 'metrics',
        route: 'accounts.metrics',
        examples: ['accounts metrics outfame:acc_aCme1Fit00 --step day --json'],
      },
      {
        verb: 'activity',
        route: 'engagement.activity',
        examples: ['accounts activity outfame:acc_aCme1Fit00 --type like --limit 5'],
      },
      {
        verb: 'stats',
        route: 'engagement.stats',
        examples: ['accounts stats outfame:acc_aCme1Fit00'],
      },
      {
        verb: 'of-identity',
        route: 'accounts.ofIdentity',
        columns: COLUMNS,
        examples: ['accounts of-identity instagram 17841400123456789'],
      },
      {
        verb: 'link',
        route: 'choices.move',
        summary: 'move an account to a profile',
        without: ['mode'],
        examples: ['accounts link ACCOUNT --profile-id PROFILE --dry-run'],
      },
      {
        verb: 'split',
        route: 'choices.move',
        summary: 'split an account off its profile',
        fixed: { profile_id: null },
        without: ['mode'],
        examples: ['accounts split outfame:acc_aCme1Fit00 --dry-run'],
      },
      {
        verb: 'release',
        route: 'choices.move',
        summary: "withdraw people's choices about an account's profile",
        fixed: { mode: 'automatic' },
        without: ['profile_id'],
        examples: ['accounts release outfame:acc_aCme1Fit00 --dry-run'],
      },
      {
        verb: 'disconnect',
        summary: 'disconnect accounts: shows what will happen, asks, and waits for the end',
        takes: '<id...>',
        routes: ['disconnects.disconnectAccount', 'disconnects.disconnectMany'],
        fields: [],
        examples: ['accounts disconnect socialsyncer:instagram/17841400123456789 --dry-run'],
        shape: (command) => shapeDisconnect(command, { isRun: true, selects: [] }),
        run: disconnectAccounts,
      },
    ],
  },
];
