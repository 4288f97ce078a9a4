/** One column of a table. */
export interface Column {
  readonly header: string;
  /** Where the value is in an item. */
  readonly path: readonly string[];
  /** Never cut: half an id is none. */
  readonly isId: boolean;
}

/**
 * Columns as they are declared, the most important first: `id username health.status:health`, where
 * a name after the colon is the header.
 */
export function parseColumns(text: string): readonly Column[] {
  return text
    .split(/[\s,]+/)
    .filter((each) => each !== '')
    .map((each) => {
      const [path = '', header = path] = each.split(':');
      const name = header.toUpperCase().replaceAll('_', ' ');
      return {
        header: name,
        path: path.split('.'),
        isId: /(^|[._])(id|ref|plan_hash)$/.test(path),
      };
    });
}

/** The fields that such columns show, with commas between them. */
export const namesIn = (text: string): string =>
  parseColumns(text)
    .map(({ path }) => path.join('.'))
    .join(',');

/** `undefined`: the item has no such value. */
export function columnValue(item: unknown, { path }: Pick<Column, 'path'>): unknown {
  return path.reduce(
    (within: unknown, name) =>
      typeof within === 'object' && within !== null && Object.hasOwn(within, name)
        ? (within as Readonly<Record<string, unknown>>)[name]
        : undefined,
    item,
  );
}

/** The chosen fields of an item, each under the name that it was chosen by. */
export function pick(item: unknown, fields: readonly string[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    fields.map((field) => [field, columnValue(item, { path: field.split('.') }) ?? null]),
  );
}
