import type {
  CallToolResult,
  InputRequiredResult,
  ServerContext,
} from '@modelcontextprotocol/server';
import type { z } from 'zod';
import type { Problem, Rollcall } from '../client/index.js';
import type { Scope } from '../http/caller.js';
import type { AuditPolicy } from '../http/route.js';
import { DATA_NOTICE, plainJson } from './untrusted.js';

/** What a tool works with: the API as its caller's key has it, and nothing else. */
export interface Session {
  readonly api: Rollcall;
  /** The key. */
  readonly principal: string;
  /** Name and version of the client, as it gives them itself. */
  readonly clientName: string;
  /** Whether the client can ask a person. */
  readonly canAsk: boolean;
  /** Of this call of a tool. */
  readonly context: ServerContext;
  /** Facts that the client carries to the second half of the call and cannot alter. */
  readonly seal: (facts: object) => Promise<string>;
}

/** What was done, in our own words only, and the data. */
interface Done<Data> {
  /** One or two sentences: nothing from outside stands in them. */
  readonly says: string;
  /** The tool to call next, where one suggests itself. */
  readonly next?: string;
  readonly data: Data;
}

/** That nothing was done, and why, in our own words only. */
interface Refused {
  readonly refuses: string;
}

/** All four are stated: what the protocol assumes of a tool that states none is the worst. */
interface Hints {
  readonly readOnly: boolean;
  readonly destructive: boolean;
  readonly idempotent: boolean;
  /** Whether it reaches beyond the gateway, to a provider. */
  readonly openWorld: boolean;
}

interface ToolDefinition<Input extends z.ZodObject, Output extends z.ZodObject> {
  readonly name: string;
  readonly title: string;
  /** The least that the key must hold: to others the tool does not exist. */
  readonly requiredScope: Scope;
  readonly audit: AuditPolicy;
  readonly hints: Hints;
  /** One line. */
  readonly summary: string;
  /** Continues "Use this tool when you need to". */
  readonly useWhen: readonly [string, ...string[]];
  /** Arguments, each with what they are for. */
  readonly examples: readonly [string, ...string[]];
  /** What to know beforehand. */
  readonly notes?: readonly string[];
  readonly input: Input;
  readonly output: Output;
  readonly handle: (
    given: z.output<Input>,
    session: Session,
  ) => Promise<Done<z.input<Output>> | Refused | InputRequiredResult>;
}

/** A tool as the server registers it. */
export interface Tool
  extends Omit<ToolDefinition<z.ZodObject, z.ZodObject>, 'handle' | 'useWhen' | 'examples'> {
  readonly description: string;
  readonly call: (
    given: Record<string, unknown>,
    session: Session,
  ) => Promise<CallToolResult | InputRequiredResult>;
}

/** For what an agent reads and nothing changes by. */
export const READS: Hints = {
  readOnly: true,
  destructive: false,
  idempotent: true,
  openWorld: false,
};
export const NOT_AUDITED: AuditPolicy = { none: 'It reads, and reads are not audited.' };

/** The one way to make a tool. */
export function defineTool<Input extends z.ZodObject, Output extends z.ZodObject>(
  definition: ToolDefinition<Input, Output>,
): Tool {
  const { handle, useWhen, examples, notes = [], ...rest } = definition;
  const list = (title: string, lines: readonly string[]) =>
    lines.length === 0 ? [] : ['', `${title}:`, ...lines.map((line) => `- ${line}`)];
  return {
    ...rest,
    notes,
    description: [
      definition.summary,
      ...list('Use this tool when you need to', useWhen),
      ...list('Examples', examples),
      ...list('Hints', notes),
    ].join('\n'),
    call: async (given, session) => {
      const done = await handle(given as z.output<Input>, session);
      if (isDone(done)) return answerOf(done);
      return isRefused(done) ? refused(done.refuses) : done;
    },
  };
}

const isDone = <Data>(done: Done<Data> | Refused | InputRequiredResult): done is Done<Data> =>
  'says' in done;
const isRefused = (done: Refused | InputRequiredResult): done is Refused => 'refuses' in done;

function answerOf<Data>({ data, says, next }: Done<Data>): CallToolResult {
  return {
    content: [{ type: 'text', text: textOf(says, next, data) }],
    structuredContent: data as Record<string, unknown>,
  };
}
/** What a tool answers when the API refuses: what to do next in our words, the rest as data. */
export function refusal(problem: {
  readonly code: Problem['code'];
  readonly [fact: string]: unknown;
}): CallToolResult {
  const { type: _type, title: _title, instance: _instance, ...told } = problem;
  const says = `Refused with \`${problem.code}\`. ${REMEDIES[problem.code] ?? 'Correct the arguments as the problem says.'}`;
  const text = textOf(says, undefined, { problem: plainJson(told) });
  return { isError: true, content: [{ type: 'text', text }] };
}

/** A refusal by the gateway. */
export function refused(says: string): CallToolResult {
  return { isError: true, content: [{ type: 'text', text: says }] };
}

const REMEDIES: Partial<Record<Problem['code'], string>> = {
  unauthorized: 'The key is no longer valid: ask the person for another one.',
  forbidden: 'This key may not do it: tell the person.',
  insufficient_scope: 'This key may not do it: tell the person.',
  not_found: 'Look up the id with the listing tool; do not guess ids.',
  ambiguous_reference: 'Use one of the `refs`.',
  cursor_mismatch: 'Repeat the call without `cursor`.',
  plan_mismatch: 'The accounts have changed since the plan: call `disconnect_plan` again.',
  rate_limited: 'Stop and tell the person; the problem says when to try again.',
  conflict: 'The current state does not allow it: read it again before you continue.',
  service_unavailable: 'Try again later, once.',
  provider_unavailable: 'The provider cannot be called now: try again later, once.',
  provider_timeout: 'The provider did not answer: check with a reading tool before you try again.',
};

function textOf(says: string, next: string | undefined, data: unknown): string {
  const lines = [says, ...(next === undefined ? [] : [`Next: ${next}`])];
  return [...lines, DATA_NOTICE, JSON.stringify(data)].join('\n');
}
