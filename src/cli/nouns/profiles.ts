import type { Noun } from '../declared.js';
import { shapeDisconnect } from '../disconnect/flags.js';
import { disconnectProfile } from '../disconnect/run.js';
import { ROUTES } from '../routes.gen.js';

const COLUMNS =
  'id username.value:username platform match account_count:accounts providers health.status:health metrics.followers.value:followers';

export const nouns: readonly Noun[] = [
  {
    name: 'profiles',
    commands: [
      {
        verb: 'list',
        route: 'profiles.list',
        columns: COLUMNS,
        examples: [
          'profiles list --provider octopost,socialsyncer --health warning',
          'profiles list --has-conflicts --json id,conflicts',
        ],
      },
      { verb: 'get', route: 'profiles.get', examples: ['profiles get PROFILE'] },
      {
        verb: 'history',
        route: 'profiles.history',
        columns: 'id action account_id rule actor.name:actor reason at',
        examples: ['profiles history PROFILE'],
      },
      {
        verb: 'revert',
        route: 'choices.revert',
        examples: ['profiles revert PROFILE3 CHANGE --dry-run'],
      },
      {
        verb: 'merge',
        route: 'choices.merge',
        examples: ['profiles merge PROFILE --into PROFILE2 --dry-run'],
      },
      {
        verb: 'split',
        route: 'choices.split',
        examples: ['profiles split PROFILE --account-ids ACCOUNT --dry-run'],
      },
      {
        verb: 'disconnect',
        summary: 'disconnect a profile at every provider: shows what will happen, asks, and waits',
        takes: '<id>',
        routes: ['disconnects.disconnectProfile', 'disconnects.disconnectMany'],
        fields: ROUTES['disconnects.disconnectMany'].fields,
        examples: ['profiles disconnect PROFILE --dry-run'],
        shape: (command) => shapeDisconnect(command, { isRun: true, selects: ['profile'] }),
        run: disconnectProfile,
      },
    ],
  },
  {
    name: 'findings',
    commands: [
      {
        verb: 'list',
        route: 'findings.list',
        columns:
          'id kind severity platform account_count:accounts state since next_step.code:next_step profile_id',
        examples: ['findings list --state open', 'findings list --kind two_publishers --json'],
      },
      { verb: 'get', route: 'findings.get', examples: ['findings get FINDING'] },
      {
        verb: 'dismiss',
        route: 'findings.dismiss',
        examples: ['findings dismiss FINDING --reason "known, and meant so"'],
      },
    ],
  },
];
