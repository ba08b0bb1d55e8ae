// The worker in which schemas of others are compiled and run, under a heap limit and a deadline kept by checker.ts (R6).
import { parentPort } from 'node:worker_threads';
import type { ValidateFunction } from 'ajv';
import type { SchemaVerdict } from '../../core/ports.ts';
import { argumentErrors, compileSchema } from './compile.ts';
import { isCheckRequest, type CheckReply, type CheckRequest } from './protocol.ts';

const CACHE_MAX = 1024;

type Entry = { readonly kind: 'ok'; readonly validate: ValidateFunction } | { readonly kind: 'unusable'; readonly note: string };
const cache = new Map<string, Entry>();

function entryFor(request: CheckRequest): Entry | undefined {
  const known = cache.get(request.digest);
  if (known !== undefined || request.schema === undefined) return known;
  const compiled = compileSchema(request.schema);
  const entry: Entry = compiled.ok ? { kind: 'ok', validate: compiled.value } : { kind: 'unusable', note: compiled.error };
  const oldest = cache.keys().next();
  if (cache.size >= CACHE_MAX && oldest.done !== true) cache.delete(oldest.value);
  cache.set(request.digest, entry);
  return entry;
}

function verdictOf(entry: Entry, args: string): SchemaVerdict {
  if (entry.kind === 'unusable') return { kind: 'unusable', note: entry.note };
  const value: unknown = JSON.parse(args);
  if (entry.validate(value)) return { kind: 'valid' };
  return { kind: 'invalid', errors: argumentErrors(entry.validate.errors ?? []) };
}

function reply(message: CheckReply): void {
  parentPort?.postMessage(message);
}

parentPort?.on('message', (request: unknown) => {
  if (!isCheckRequest(request)) return;
  const entry = entryFor(request);
  if (entry === undefined) reply({ kind: 'forgotten', id: request.id });
  else reply({ kind: 'verdict', id: request.id, verdict: verdictOf(entry, request.args) });
});

// Loading ajv and its meta-schemas is work of ours, not of the first schema: it is done before any deadline runs.
compileSchema('{"type":"object","properties":{"a":{"type":"string","format":"uri"}}}');
compileSchema('{"$schema":"http://json-schema.org/draft-07/schema#","type":"object"}');
reply({ kind: 'ready' });
