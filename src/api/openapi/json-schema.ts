import { z } from 'zod';

/** A JSON Schema (2020-12) as OpenAPI 3.1 embeds it. */
export interface JsonSchema {
  readonly [keyword: string]: unknown;
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
}

/**
 * Collects the schemas that have a name (`.meta({ id: 'Account' })`), so that each stands in the
 * document once.
 */
export class SchemaCollection {
  readonly named: Record<string, JsonSchema> = {};

  /**
   * @param place a list of values is `a,b` in both, which in a query is OpenAPI's own way to write
   * an array
   * @param direction what a caller sends (`input`) differs from what a handler gets: defaults,
   * transformations
   * @returns the schema, with references to the named ones in it
   */
  describe(
    schema: z.ZodType,
    direction: 'input' | 'output',
    place: 'query' | 'body' = 'body',
  ): JsonSchema {
    const override = ({
      zodSchema,
      jsonSchema,
    }: {
      zodSchema: z.core.$ZodType;
      jsonSchema: Record<string, unknown>;
    }) => {
      toWireForm(jsonSchema, place);
      if (direction === 'input') keepDeclared(zodSchema, jsonSchema);
    };
    const whole = z.toJSONSchema(schema, { io: direction, unrepresentable: 'any', override });
    const {
      $schema: _dialect,
      $defs: definitions = {},
      ...rest
    } = JSON.parse(
      JSON.stringify(whole).replaceAll('"#/$defs/', '"#/components/schemas/'),
    ) as JsonSchema & {
      $defs?: Record<string, JsonSchema>;
    };
    for (const [name, { id: _id, ...definition }] of Object.entries(definitions))
      this.named[name] = definition;
    if (typeof rest.id !== 'string') return rest;
    const { id, ...definition } = rest;
    this.named[id as string] = definition;
    return { $ref: `#/components/schemas/${id}` };
  }

  /** Follows a reference into the named schemas. */
  resolve(schema: JsonSchema): JsonSchema {
    const name = schema.$ref?.split('/').at(-1);
    if (name === undefined) return schema;
    const { $ref: _reference, ...siblings } = schema;
    return { ...this.named[name], ...siblings };
  }
}

/**
 * A schema that transforms text declares how it looks on the wire with `.meta({ wire: {…} })`.
 * Answers may gain members later, so they are not closed; request bodies are.
 */
function toWireForm(json: Record<string, unknown>, place: 'query' | 'body'): void {
  if (typeof json.wire === 'object') {
    const { wire: given, description, default: standard, examples } = json;
    const wire = place === 'query' ? given : asText(given as JsonSchema);
    for (const keyword of Object.keys(json)) delete json[keyword];
    Object.assign(json, wire, withoutUndefined({ description, default: standard, examples }));
  }
  if (json.format === 'date-time' || json.format === 'date' || json.format === 'uri')
    delete json.pattern;
}

/**
 * Where a schema transforms, zod takes its default and examples for values after it; ours are as a
 * caller writes them.
 */
function keepDeclared(schema: z.core.$ZodType, json: Record<string, unknown>): void {
  const { def } = schema._zod as z.core.$ZodTypes['_zod'];
  const declared = {
    default: def.type === 'default' ? def.defaultValue : undefined,
    examples: z.globalRegistry.get(schema)?.examples,
  };
  Object.assign(json, withoutUndefined(declared));
}

/** An array in a query as the text that a body has in its place. */
function asText(wire: JsonSchema): JsonSchema {
  if (wire.type !== 'array') return wire;
  const { enum: words, ...item } = wire.items as JsonSchema;
  const word = Array.isArray(words)
    ? `(${words.map((each: string) => each.replace(/[.*]/g, '\\$&')).join('|')})`
    : '[^,]+';
  return { ...(words ? {} : item), type: 'string', pattern: `^${word}(,${word})*$` };
}

export function withoutUndefined(
  members: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}
