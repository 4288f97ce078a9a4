/** A parameter of a route, or a member of its body: a flag of the command line. */
export interface Parameter {
  /** As the API has it: `connection_id`. */
  readonly name: string;
  readonly kind: 'string' | 'integer' | 'number' | 'boolean' | 'array' | 'object';
  /** What it may be, where that is known; of an array, each of its items. */
  readonly values?: readonly (string | number | boolean)[];
  readonly about: string;
  readonly isRequired?: boolean;
}

/** What the command line knows of one operation of the API. */
export interface RouteFacts {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With its parameters in braces: `/v1/accounts/{id}`. */
  readonly path: string;
  readonly summary: string;
  /** Whether it answers with pages. */
  readonly isList: boolean;
  /** The fields of what it answers with, or of each item. */
  readonly fields: readonly string[];
  readonly query: readonly Parameter[];
  readonly body: readonly Parameter[];
}
