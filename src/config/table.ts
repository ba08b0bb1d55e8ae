// The settings table: walks the schema and finds its rows, by order or by path. Knows how the library nests schemas, and nothing else does.
import * as z from 'zod';
import { ROWS, type Row } from './keys.ts';
import type { Path } from './locate.ts';

export interface TableRow extends Row {
  /** As the documentation writes it: `backends[].name`, `rbac.roles.<name>.allow`. */
  readonly path: string;
}

/** What wraps a schema without being a key of its own. */
function unwrapped(schema: unknown): unknown {
  let inner = schema;
  while (inner instanceof z.ZodOptional || inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault) inner = inner.unwrap();
  return inner;
}

function rowOf(schema: unknown): Row | undefined {
  return schema instanceof z.ZodType ? ROWS.get(schema) : undefined;
}

function tableIn(schema: unknown): z.ZodObject | undefined {
  const inner = unwrapped(schema);
  if (inner instanceof z.ZodObject) return inner;
  if (!(inner instanceof z.ZodUnion)) return undefined;
  return inner.options.map(unwrapped).find((option): option is z.ZodObject => option instanceof z.ZodObject);
}

/** Every key in the order of the schema, depth first. */
export function rowsOf(schema: unknown, path: string): readonly TableRow[] {
  const row = rowOf(schema);
  const own = row === undefined ? [] : [{ ...row, path }];
  const inner = unwrapped(schema);
  if (inner instanceof z.ZodArray) return [...own, ...rowsOf(inner.element, `${path}[]`)];
  if (inner instanceof z.ZodRecord) return [...own, ...rowsOf(inner.valueType, `${path}.<name>`)];
  const table = row?.secret === true ? undefined : tableIn(schema);
  if (table === undefined) return own;
  return [...own, ...Object.entries(table.shape).flatMap(([name, value]) => rowsOf(value, path === '' ? name : `${path}.${name}`))];
}

function stepInto(schema: unknown, step: string | number): unknown {
  const inner = unwrapped(schema);
  if (inner instanceof z.ZodArray) return inner.element;
  if (inner instanceof z.ZodRecord) return inner.valueType;
  return tableIn(inner)?.shape[String(step)];
}

/** The row a path belongs to: its own, or, as one entry, that of the list or table it lies in. */
export function rowAt(schema: unknown, path: Path): Row | undefined {
  let here = schema;
  let row = rowOf(schema);
  for (const step of path) {
    here = stepInto(here, step);
    row = rowOf(here) ?? (row === undefined ? undefined : { ...row, kind: row.each ?? row.kind });
  }
  return row;
}

/** The keys that would be right in the table at this path. */
export function keysAt(schema: unknown, path: Path): readonly string[] {
  const table = tableIn(path.reduce<unknown>(stepInto, schema));
  return table === undefined ? [] : Object.keys(table.shape);
}

/** What stands at a path that is no key of its own. */
export function containerAt(schema: unknown, path: Path): string {
  return unwrapped(path.reduce<unknown>(stepInto, schema)) instanceof z.ZodArray ? 'a list of tables: [[…]]' : 'a table';
}
