// A backend's schema to a validator, or the reason why it is not used. Runs in the worker only: ajv builds code from what it
// is given, so it is given no more than a bounded text without references to elsewhere.
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { Ajv2020 } from 'ajv/dist/2020.js';
import * as formats from 'ajv-formats';
import type { ArgumentError } from '../../core/decision.ts';
import { err, ok, type Result } from '../../core/result.ts';

type Dialect = 'draft-07' | '2019-09' | '2020-12';

const DIALECTS: ReadonlyMap<string, Dialect> = new Map([
  ['http://json-schema.org/draft-07/schema', 'draft-07'],
  ['https://json-schema.org/draft-07/schema', 'draft-07'],
  ['https://json-schema.org/draft/2019-09/schema', '2019-09'],
  ['https://json-schema.org/draft/2020-12/schema', '2020-12'],
]);
const MAX_NODES = 20_000;
const REFERENCES: readonly string[] = ['$ref', '$dynamicRef', '$recursiveRef'];

/** Errors reported at once: enough to mend a call, too few to be a weapon. */
const MAX_ERRORS = 8;
const MESSAGE_MAX = 200;

export function compileSchema(text: string): Result<ValidateFunction, string> {
  const schema: unknown = JSON.parse(text);
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return err('the schema is not an object');
  const foreign = foreignReference(schema);
  if (foreign !== undefined) return err(foreign);
  const dialect = dialectOf(schema);
  if (dialect === undefined) return err('the schema names a dialect that is not supported');
  try {
    return ok(ajvFor(dialect).compile(schema));
  } catch (error) {
    return err(`the schema does not compile: ${(error instanceof Error ? error.message : String(error)).slice(0, MESSAGE_MAX)}`);
  }
}

/** 2020-12 is the default of MCP since 2025-11-25 when `$schema` is absent. */
function dialectOf(schema: object): Dialect | undefined {
  const named: unknown = '$schema' in schema ? schema.$schema : undefined;
  if (named === undefined) return '2020-12';
  return typeof named === 'string' ? DIALECTS.get(named.replace(/#$/, '')) : undefined;
}

/** One instance per schema: two schemas with the same `$id` must not see each other. */
function ajvFor(dialect: Dialect): Ajv {
  const options = { strict: false, allErrors: true, validateSchema: true, addUsedSchema: false, logger: false } as const;
  const ajv = dialect === 'draft-07' ? new Ajv(options) : dialect === '2019-09' ? new Ajv2019(options) : new Ajv2020(options);
  formats.default.default(ajv);
  return ajv;
}

/** E15, SEC43: a `$ref` to anywhere else could make the gateway fetch or read what the backend names. Also bounds the walk. */
function foreignReference(schema: object): string | undefined {
  const queue: unknown[] = [schema];
  for (let seen = 0; queue.length > 0; seen++) {
    if (seen > MAX_NODES) return 'the schema has too many parts';
    const node = queue.pop();
    if (Array.isArray(node)) for (const item of node) queue.push(item);
    else if (typeof node === 'object' && node !== null) {
      for (const [key, value] of Object.entries(node)) {
        if (REFERENCES.includes(key) && typeof value === 'string' && !value.startsWith('#')) return 'the schema refers to another document, which is never fetched';
        queue.push(value);
      }
    }
  }
  return undefined;
}

/** Paths, keywords and ajv's own words; never the value that was sent (E14). */
export function argumentErrors(errors: readonly ErrorObject[]): readonly ArgumentError[] {
  return errors.slice(0, MAX_ERRORS).map(({ instancePath, keyword, message, params }) => {
    const extra: unknown = params['additionalProperty'];
    const words = typeof extra === 'string' ? `${message ?? 'is invalid'} (${JSON.stringify(extra.slice(0, 64))})` : (message ?? 'is invalid');
    return { path: instancePath.slice(0, MESSAGE_MAX), keyword, message: words.slice(0, MESSAGE_MAX) };
  });
}
