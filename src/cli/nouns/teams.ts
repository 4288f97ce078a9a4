import type { Noun } from '../declared.js';

const WEBHOOK = 'id url enabled types failing_since description';
const DELIVERY = 'id event_type state attempts.length:attempts created_at finished_at event_id';

export const nouns: readonly Noun[] = [
  {
    name: 'webhooks',
    commands: [
      { verb: 'list', route: 'webhooks.list', columns: WEBHOOK, examples: ['webhooks list'] },
      { verb: 'get', route: 'webhooks.get', examples: ['webhooks get WEBHOOK'] },
      {
        verb: 'create',
        route: 'webhooks.create',
        inOrder: ['url'],
        examples: ['webhooks create https://hooks.example.com/rollcall --types account.*'],
      },
      {
        verb: 'update',
        route: 'webhooks.change',
        examples: ['webhooks update WEBHOOK --description "paging the team"'],
      },
      { verb: 'rotate', route: 'webhooks.rotate', examples: ['webhooks rotate WEBHOOK'] },
      { verb: 'test', route: 'webhooks.test', examples: ['webhooks test WEBHOOK'] },
      {
        verb: 'deliveries',
        route: 'webhooks.deliveries',
        columns: DELIVERY,
        examples: ['webhooks deliveries WEBHOOK'],
      },
      {
        verb: 'replay',
        route: 'webhooks.replay',
        examples: ['webhooks replay WEBHOOK DELIVERY'],
      },
      {
        verb: 'remove',
        route: 'webhooks.delete',
        examples: ['webhooks remove WEBHOOK --dry-run'],
        removes: {
          tells: 'webhooks.get',
          effects: async ({ url }) => [`Deletes the webhook to ${url}: no event is sent there.`],
        },
      },
    ],
  },
  {
    name: 'keys',
    commands: [
      {
        verb: 'list',
        route: 'teams.listKeys',
        columns:
          'id name scopes providers expires_at last_used_at created_at created_by.name:created_by',
        examples: ['keys list', 'keys list --created-by KEY'],
      },
      { verb: 'get', route: 'teams.getKey', examples: ['keys get KEY'] },
      {
        verb: 'create',
        route: 'teams.createKey',
        inOrder: ['name'],
        examples: ['keys create reporting --scopes read --jq .key'],
      },
      {
        verb: 'revoke',
        route: 'teams.revokeKey',
        examples: ['keys revoke KEY --dry-run'],
        removes: {
          tells: 'teams.getKey',
          effects: async ({ name, last_used_at: used }, { options }) => [
            `Revokes the key ${name}${used === null ? '' : `, last used ${used}`}${options.includeCreated === true ? ', with all keys that were made with it' : ''}.`,
          ],
        },
      },
    ],
  },
  {
    name: 'teams',
    commands: [
      {
        verb: 'list',
        route: 'teams.listTeams',
        columns: 'id name created_at',
        examples: ['teams list'],
      },
      { verb: 'get', route: 'teams.getTeam', examples: ['teams get TEAM'] },
      {
        verb: 'create',
        route: 'teams.createTeam',
        inOrder: ['name'],
        examples: ['teams create marketing --jq .id'],
      },
    ],
  },
  {
    name: 'sessions',
    commands: [
      {
        verb: 'list',
        route: 'sessions.list',
        columns: 'id key.name:key user_agent last_used_at created_at expires_at',
        examples: ['sessions list'],
      },
      { verb: 'get', route: 'sessions.get', examples: ['sessions get SESSION'] },
      { verb: 'end', route: 'sessions.end', examples: ['sessions end SESSION'] },
    ],
  },
  {
    name: 'views',
    commands: [
      {
        verb: 'list',
        route: 'views.list',
        columns: 'id name page query updated_at',
        examples: ['views list --page accounts'],
      },
      { verb: 'get', route: 'views.get', examples: ['views get VIEW'] },
      {
        verb: 'create',
        route: 'views.create',
        inOrder: ['name'],
        examples: ['views create unhealthy --page accounts --query health=unhealthy'],
      },
      {
        verb: 'update',
        route: 'views.change',
        examples: ['views update VIEW --name "in trouble"'],
      },
      { verb: 'remove', route: 'views.delete', examples: ['views remove VIEW'] },
    ],
  },
  {
    name: 'audit',
    commands: [
      {
        verb: 'list',
        route: 'audit.list',
        columns:
          'id at action target.type:target target.id:target_id actor.name:actor after.agent.client:agent request_id',
        examples: ['audit list --limit 5', 'audit list --target-type connection --json'],
      },
    ],
  },
];
