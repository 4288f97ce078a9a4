/**
 * What the command line knows of the API, from its OpenAPI document: of each operation its address,
 * parameters, members of its body, and the fields of what it answers with.
 *
 * @param {object} document
 * @returns {string} the source of `src/cli/routes.gen.ts`, without its banner
 */
export function routesOfDocument(document) {
  const resolve = (schema) => {
    if (schema?.$ref === undefined) return schema ?? {};
    const [, ...place] = schema.$ref.split('/');
    return resolve(place.reduce((within, name) => within[name], document));
  };
  const alternatives = (schema) => {
    const { anyOf, oneOf, ...alone } = resolve(schema);
    return (anyOf ?? oneOf)?.flatMap(alternatives) ?? [alone];
  };
  const membersOf = (schema) =>
    Object.assign({}, ...alternatives(schema).map(({ properties }) => properties ?? {}));

  const routes = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => {
      const answer = Object.entries(operation.responses).find(([status]) =>
        /^20[0-2]$/.test(status),
      );
      const media = resolve(answer?.[1]).content ?? {};
      const envelope = membersOf(media['application/json']?.schema);
      const [data = {}] = alternatives(envelope.data);
      const body = resolve(operation.requestBody).content?.['application/json'].schema;
      const required = body === undefined ? [] : (alternatives(body)[0].required ?? []);
      const query = (operation.parameters ?? []).map(resolve).filter((each) => each.in === 'query');
      return [
        operation.operationId,
        {
          method: method.toUpperCase(),
          path,
          summary: operation.summary,
          isList: envelope.pagination !== undefined,
          fields: Object.keys(membersOf(data.type === 'array' ? data.items : envelope.data)),
          query: query.map(({ name, description, schema }) =>
            factsOf(name, { description, ...schema }, alternatives),
          ),
          body: Object.entries(membersOf(body)).map(([name, schema]) => ({
            ...factsOf(name, schema, alternatives),
            isRequired: required.includes(name),
          })),
        },
      ];
    }),
  );
  return `import type { RouteFacts } from './route-facts.js';

/** The operations of the API by their ids. */
export const ROUTES = ${JSON.stringify(Object.fromEntries(routes), null, 2)} as const satisfies Record<string, RouteFacts>;
`;
}

/** One parameter, or one member of a body. */
function factsOf(name, schema, alternatives) {
  const [{ type, items, enum: values, description, const: only }] = alternatives(schema);
  const kind = Array.isArray(type) ? type.find((each) => each !== 'null') : type;
  const [item = {}] = items === undefined ? [] : alternatives(items);
  const known = values ?? item.enum ?? ((only ?? item.const) ? [only ?? item.const] : undefined);
  return {
    name,
    kind: kind ?? 'string',
    ...(known !== undefined && { values: known }),
    about: (schema.description ?? description ?? '').split('\n')[0],
  };
}
