// What a backend's schema must not be before it is compiled: deep, vast, or pointing elsewhere (C13, 1.3.14).
export interface SchemaBounds {
  readonly depth: number;
  /** Objects, arrays and values together. */
  readonly nodes: number;
}

const SCHEMA_BOUNDS: SchemaBounds = Object.freeze({ depth: 48, nodes: 20_000 });

const REFERENCES: ReadonlySet<string> = new Set(['$ref', '$dynamicRef', '$recursiveRef']);

/** Why it may not be compiled, or undefined. A list, not the call stack: depth cannot overflow it. */
export function schemaProblem(schema: unknown, bounds: SchemaBounds = SCHEMA_BOUNDS): string | undefined {
  const open: { readonly value: unknown; readonly depth: number }[] = [{ value: schema, depth: 1 }];
  let nodes = 0;
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, depth } = next;
    nodes += 1;
    if (nodes > bounds.nodes) return `the schema has more than ${bounds.nodes} parts`;
    if (typeof value !== 'object' || value === null) continue;
    if (depth > bounds.depth) return `the schema is more than ${bounds.depth} levels deep`;
    for (const [key, child] of Object.entries(value)) {
      // Only within the document: nothing is ever fetched because of a schema.
      if (REFERENCES.has(key) && typeof child === 'string' && !child.startsWith('#')) return 'the schema refers to another document';
      // A word of the compiler's own: its validator would answer with a promise.
      if (key === '$async') return 'the schema asks for asynchronous validation';
      open.push({ value: child, depth: depth + 1 });
    }
  }
  return undefined;
}

export type Dialect = '2020-12' | '2019-09' | 'draft-07';

/** MCP's default is 2020-12; published servers name draft-07. Undefined: a dialect we do not have. */
export function dialectOf(schema: unknown): Dialect | undefined {
  const named: unknown = typeof schema === 'object' && schema !== null && '$schema' in schema ? schema.$schema : undefined;
  if (named === undefined) return '2020-12';
  if (typeof named !== 'string') return undefined;
  const match = /^https?:\/\/json-schema\.org\/(?:draft\/)?(draft-0[67]|2019-09|2020-12)\/schema#?$/.exec(named);
  switch (match?.[1]) {
    case '2020-12': return '2020-12';
    case '2019-09': return '2019-09';
    // Draft-06 is draft-07 without if/then/else, as far as validation goes.
    case 'draft-06':
    case 'draft-07': return 'draft-07';
    default: return undefined;
  }
}
