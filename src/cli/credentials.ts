import type { Body, Call } from './declared.js';
import { usageError } from './exit-codes.js';
import { jsonOrText } from './flags.js';
import { readInput, readSecret } from './prompts.js';
import { addressOf } from './run-route.js';

interface Credential {
  readonly name: string;
  readonly secret: boolean;
  readonly required: boolean;
}

/**
 * Completes a body with the credentials that its provider takes. Secrets are typed unseen, or come
 * from the standard input: one as it is, several as a JSON object. Flags tell the public ones alone.
 */
export async function askForCredentials(body: Body, provider: unknown, call: Call): Promise<Body> {
  const client = await call.client();
  const path = addressOf('/v1/providers/{provider}', { provider: String(provider) });
  const response = await client.ask(path);
  const { data } = (await response.json()) as { data: { credentials: Credential[] } };
  const given = (body.credentials ?? {}) as Readonly<Record<string, unknown>>;
  for (const { name, secret } of data.credentials)
    if (secret && given[name] !== undefined)
      throw usageError(
        `--credentials ${name}=…: other users can read a secret in a command line. Leave it out to be asked for it, or give it on standard input.`,
      );
  const texts = Object.entries(given).map(([name, value]) => [name, String(value)]);
  const secrets = await readSecrets(data.credentials, call);
  return { ...body, credentials: { ...Object.fromEntries(texts), ...secrets } };
}

async function readSecrets(
  credentials: readonly Credential[],
  { context }: Call,
): Promise<Readonly<Record<string, unknown>>> {
  const secret = credentials.filter((credential) => credential.secret);
  if (context.isInteractive) {
    const typed: Record<string, string> = {};
    for (const { name } of secret.filter(({ required }) => required))
      typed[name] = await readSecret(context, name);
    return typed;
  }
  const text = await readInput(context.streams);
  const value = jsonOrText(text);
  if (typeof value === 'object' && value !== null)
    return value as Readonly<Record<string, unknown>>;
  const [only] = secret.filter(({ required }) => required);
  if (text === '' || only === undefined)
    throw usageError(`Give ${secret.map(({ name }) => name).join(', ')} on standard input.`);
  return { [only.name]: text };
}
