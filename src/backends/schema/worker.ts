// The thread on which schemas of others are compiled and run. It may hang or run out of memory: checker.ts then ends it (R6, I23).
// Has no environment, opens nothing, fetches nothing.
import { setFlagsFromString } from 'node:v8';
import { parentPort } from 'node:worker_threads';
import { Ajv, type CodeOptions, type ErrorObject, type Options, type ValidateFunction } from 'ajv';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import type { Violation } from '../../core/decision.ts';
import { DIGESTED_UNITS } from '../../core/json/segment.ts';
import { shortText } from '../text.ts';
import { type Dialect, dialectOf, schemaProblem } from './limits.ts';
import { type Matcher, patternOf } from './patterns.ts';
import type { CheckReply, CheckRequest } from './protocol.ts';

// Patterns that would backtrack for ever go on in V8's linear engine; those it cannot run are left to the deadline (R6).
setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks');

const CACHE = 512;
const ERRORS = 16;
const MESSAGE_CHARS = 200;
const PATH_CHARS = 200;

const ENGINE: NonNullable<CodeOptions['regExp']> = engine();
// Servers in the field are not strict; formats nobody knows are no reason to refuse a tool.
const OPTIONS: Options = { strict: false, allErrors: true, logger: false, addUsedSchema: false, validateSchema: false, meta: true, code: { regExp: ENGINE } };

function engine(): NonNullable<CodeOptions['regExp']> {
  const make = (source: string): Matcher => patternOf(source);
  // For compilers that write files; this one does not.
  make.code = 'patternOf';
  return make;
}

type Compiler = Parameters<typeof formats.default>[0];
type Compilers = Readonly<Record<Dialect, Compiler>>;

function makeCompilers(): Compilers {
  const made: Compilers = { '2020-12': new Ajv2020(OPTIONS), '2019-09': new Ajv2019(OPTIONS), 'draft-07': new Ajv(OPTIONS) };
  for (const compiler of Object.values(made)) {
    formats.default(compiler);
    // The first compilation costs thirty times the second: not within somebody's deadline.
    compiler.compile({ type: 'object', properties: { warm: { type: 'string', format: 'uri', pattern: '^w' } } })({});
  }
  return made;
}

/** A compiler keeps every pattern and constant it ever saw: after so many schemas it is replaced. */
const COMPILATIONS = 500;
let compilers = makeCompilers();
let compilations = 0;

/** Insertion order is age; using an entry makes it young again. */
const compiled = new Map<string, ValidateFunction | string>();

/** A text instead of a function: why the schema is unusable. */
function compile(text: string): ValidateFunction | string {
  const schema: unknown = JSON.parse(text);
  const problem = schemaProblem(schema);
  if (problem !== undefined) return problem;
  const dialect = dialectOf(schema);
  if (dialect === undefined) return 'the schema names a dialect that is not supported';
  if (typeof schema !== 'object' || schema === null) return 'the schema is not an object';
  compilations += 1;
  if (compilations % COMPILATIONS === 0) compilers = makeCompilers();
  const compiler = compilers[dialect];
  try {
    return compiler.compile(schema);
  } catch (error) {
    return `the schema does not compile: ${shortText(error instanceof Error ? error.message : '', MESSAGE_CHARS)}`;
  } finally {
    // Its cache of schemas is by object, and this object does not come again.
    compiler.removeSchema(schema);
  }
}

function remember(digest: string, entry: ValidateFunction | string): void {
  compiled.delete(digest);
  compiled.set(digest, entry);
  const [oldest] = compiled.keys();
  if (compiled.size > CACHE && oldest !== undefined) compiled.delete(oldest);
}

function check({ id, digest, schema, args }: CheckRequest, reply: (message: CheckReply) => void): void {
  const known = compiled.get(digest);
  if (known === undefined && schema === undefined) return reply({ kind: 'missing', id });
  const entry = known ?? compile(schema ?? '');
  remember(digest, entry);
  if (typeof entry === 'string') return reply({ kind: 'unusable', id, note: entry });
  if (known === undefined) reply({ kind: 'compiled', id });
  let value: unknown;
  try {
    value = JSON.parse(args);
    if (entry(value) === true) return reply({ kind: 'valid', id });
  } catch {
    // The arguments brought it about (a pattern out of stack, say): the schema must not become unusable by them.
    return reply({ kind: 'invalid', id, errors: [{ path: '', steps: [], keyword: 'failed', message: 'cannot be checked against this schema' }] });
  }
  return reply({ kind: 'invalid', id, errors: (entry.errors ?? []).slice(0, ERRORS).map((error) => described(error, value)) });
}

/** Where and which rule, in words of the schema; the value itself is never repeated. */
function described({ instancePath, keyword, message }: ErrorObject, args: unknown): Violation {
  return { path: shortText(instancePath, PATH_CHARS), steps: stepsIn(instancePath, args), keyword, message: shortText(message ?? '', MESSAGE_CHARS) };
}

/** A number in a pointer is a place in an array, or a key that looks like one: only the arguments themselves tell. */
function stepsIn(pointer: string, args: unknown): readonly (string | number)[] {
  let at = args;
  return pointer.split('/').slice(1).map((segment) => {
    const key = segment.replaceAll('~1', '/').replaceAll('~0', '~');
    const isPlace = Array.isArray(at);
    at = typeof at === 'object' && at !== null && Object.hasOwn(at, key) ? Reflect.get(at, key) : undefined;
    return isPlace ? Number(key) : key.slice(0, DIGESTED_UNITS);
  });
}

const port = parentPort;
if (port !== null) {
  port.on('message', (request: CheckRequest) => check(request, (reply) => port.postMessage(reply)));
  port.postMessage({ kind: 'ready' } satisfies CheckReply);
}
