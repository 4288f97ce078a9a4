import { z } from 'zod';

/** A JSON Schema (2020-12) as OpenAPI 3.1 embeds it. */
export interface JsonSchema {
  readonly [keyword: string]: unknown;
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
}

/** What a caller sends differs from what a handler gets: defaults, transformations. */
type Direction = 'input' | 'output';
/** A list of values is `a,b` in both, which in a query is OpenAPI's own way to write an array. */
type Place = 'query' | 'body';

/**
 * Describes schemas, and collects those that have a name (`.meta({ id: 'Account' })`), so that each
 * stands in the document once.
 */
export class SchemaCollection {
  readonly named: Record<string, JsonSchema> = {};
  private readonly kinds = new Map<string, SchemasOfKind>();

  /**
   * Says that a schema will be described. All of one direction and place are converted together, as
   * what many of them contain is then converted once.
   */
  expect(schema: z.ZodType, direction: Direction, place: Place = 'body'): void {
    this.ofKind(direction, place).expected.add(schema);
  }

  /** @returns the schema, with references to the named ones in it */
  describe(schema: z.ZodType, direction: Direction, place: Place = 'body'): JsonSchema {
    const kind = this.ofKind(direction, place);
    const known = kind.described.get(schema);
    if (known !== undefined) return known;
    kind.expected.add(schema);
    this.convert(kind, direction, place);
    return kind.described.get(schema) ?? {};
  }

  private ofKind(direction: Direction, place: Place): SchemasOfKind {
    const name = `${direction} ${place}`;
    const kind = this.kinds.get(name) ?? { expected: new Set(), described: new Map() };
    this.kinds.set(name, kind);
    return kind;
  }

  private convert(
    { expected, described }: SchemasOfKind,
    direction: Direction,
    place: Place,
  ): void {
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
    const schemas = [...expected];
    expected.clear();
    const all = z.toJSONSchema(z.object(Object.fromEntries(schemas.entries())), {
      io: direction,
      unrepresentable: 'any',
      override,
    });
    const { $defs: definitions = {}, properties = {} } = JSON.parse(
      JSON.stringify(all).replaceAll('"#/$defs/', '"#/components/schemas/'),
    ) as JsonSchema & { readonly $defs?: Record<string, JsonSchema> };
    for (const [name, { id: _id, ...definition }] of Object.entries(definitions))
      this.named[name] = definition;
    for (const [index, schema] of schemas.entries()) described.set(schema, properties[index] ?? {});
  }

  /** Follows a reference into the named schemas. */
  resolve(schema: JsonSchema): JsonSchema {
    const name = schema.$ref?.split('/').at(-1);
    if (name === undefined) return schema;
    const { $ref: _reference, ...siblings } = schema;
    return { ...this.named[name], ...siblings };
  }
}

/** Schemas of one direction and place. */
interface SchemasOfKind {
  readonly expected: Set<z.ZodType>;
  readonly described: Map<z.ZodType, JsonSchema>;
}

/**
 * A schema that transforms text declares how it looks on the wire with `.meta({ wire: {…} })`.
 * Answers may gain members later, so they are not closed; request bodies are.
 */
function toWireForm(json: Record<string, unknown>, place: Place): void {
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

/** A copy without the members that are undefined, which JSON cannot show. */
export function withoutUndefined(
  members: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}
