import { existsSync } from 'node:fs';
import openapiTypescript from 'openapi-typescript';
import ts from 'typescript';
import type { AnyAdapter, OperationName, ProviderRequest } from '../../src/model/index.js';
import { adaptersFolder } from './fixtures.js';

/** The methods of each path in the provider's OpenAPI document, by the path's template. */
type ProviderDocument = ReadonlyMap<string, ReadonlySet<string>>;

/** Of the `openapi.yaml` or `openapi.json` in an adapter's folder; `null` where there is none. */
export async function readProviderDocument(adapterId: string): Promise<ProviderDocument | null> {
  const file = ['openapi.yaml', 'openapi.json']
    .map((name) => new URL(`${adapterId}/${name}`, adaptersFolder))
    .find((url) => existsSync(url));
  if (file === undefined) return null;
  const nodes = await openapiTypescript(file);
  const paths = nodes.find(
    (node) => ts.isInterfaceDeclaration(node) && node.name.text === 'paths',
  ) as ts.InterfaceDeclaration | undefined;
  return new Map(paths?.members.map((path) => [nameOf(path), methodsOf(path)]));
}

/** A method that a path lacks is in its type as `never`. */
function methodsOf(path: ts.TypeElement): ReadonlySet<string> {
  const type = ts.isPropertySignature(path) ? path.type : undefined;
  const members = type && ts.isTypeLiteralNode(type) ? type.members : [];
  return new Set(
    members
      .filter((one) => ts.isPropertySignature(one) && one.type?.kind !== ts.SyntaxKind.NeverKeyword)
      .map((one) => nameOf(one).toUpperCase()),
  );
}

function nameOf({ name }: ts.TypeElement): string {
  return name && (ts.isStringLiteral(name) || ts.isIdentifier(name)) ? name.text : '';
}

/**
 * Why a request is none of the document's; `null` when it is one. Documents begin their paths after
 * the version or before it: of the base URL's path any end may stand before a request's.
 */
export function whyUndocumented(
  document: ProviderDocument,
  adapter: AnyAdapter,
  operation: OperationName,
  { method, path }: Pick<ProviderRequest, 'method' | 'path'>,
): string | null {
  const base = operation === 'refresh' ? (adapter.refreshUrl ?? adapter.baseUrl) : adapter.baseUrl;
  const before = segmentsOf(new URL(base).pathname);
  const asked = segmentsOf(path);
  const [template] = [...document.keys()]
    .filter((known) => {
      const own = segmentsOf(known);
      const whole = [...before, ...asked].slice(-own.length);
      return (
        own.length >= asked.length &&
        own.length === whole.length &&
        own.every((part, at) => part.includes('{') || part === whole[at])
      );
    })
    // A concrete path comes before a template (OpenAPI 3.1, Paths Object).
    .sort((one, other) => one.split('{').length - other.split('{').length);
  if (template === undefined) return `The document has no path for ${path}`;
  const methods = document.get(template) ?? new Set();
  if (methods.has(method)) return null;
  return `The document has ${[...methods].join(', ')} for ${template}, and no ${method}`;
}

function segmentsOf(path: string): readonly string[] {
  return path.split('/').filter((segment) => segment !== '');
}
