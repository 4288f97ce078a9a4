import { z } from 'zod';

/** Of one connection. */
export const MAX_CREDENTIALS = 20;
/** Longest value of one credential. */
const MAX_LENGTH = 4_096;

/** What HTTP headers can carry. */
const CARRIED = /^[\t\x20-\x7e\x80-\xff]*$/;

const value = () =>
  z
    .string()
    .max(MAX_LENGTH)
    .regex(/\S/, 'must not be blank')
    .trim()
    .regex(CARRIED, 'must contain nothing that HTTP headers cannot carry, such as a line break');

/** A credential that is never shown: it is sealed, redacted, and seen by no adapter. */
export function secret() {
  return value().meta({ writeOnly: true });
}

/** A credential that is no secret, such as the id of an organisation; requests may hold it. */
export function parameter() {
  return value();
}

/** Of an adapter that declares none: one key. */
export const API_KEY_CREDENTIALS = z.strictObject({ api_key: secret() });

/** The credentials of one connection, by the names of the adapter's schema. */
export type Credentials = Readonly<Record<string, string>>;

/** Stands in a request for a secret, which the engine puts there as it sends. */
export class SecretRef {
  constructor(readonly name: string) {}

  toJSON() {
    return { $secret: this.name };
  }
}

/** A secret of the connection, for the query, headers or body of a request. */
export function secretOf(name: string): SecretRef {
  return new SecretRef(name);
}

/** The environment variable that sets a credential of a provider's connection. */
export function variableOf(providerId: string, credential: string): string {
  return `${providerId}_${credential}`.toUpperCase();
}

/** A credential as callers are told of it. */
export interface CredentialField {
  readonly name: string;
  readonly isSecret: boolean;
  readonly isRequired: boolean;
  readonly description: string | null;
}

/** The credentials that a schema takes. */
export function credentialFields(schema: z.ZodObject): readonly CredentialField[] {
  return Object.entries(schema.shape).map(([name, field]) => {
    const described = z.toJSONSchema(field as z.ZodType, { io: 'input', unrepresentable: 'any' });
    return {
      name,
      isSecret: described.writeOnly === true,
      isRequired: !(field as z.ZodType).safeParse(undefined).success,
      description: described.description ?? null,
    };
  });
}
