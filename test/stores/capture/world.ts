// Calls, rules, a clock and a folder of keys for the tests of this folder.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { NO_CAPABILITIES } from '../../../src/core/capabilities.ts';
import type { Call, PromptCall, ResourceCall, TaskCall, ToolCall } from '../../../src/core/call.ts';
import type { CaptureRule, CaptureSettings } from '../../../src/core/capture.ts';
import { backendId, callId, instant, roleName, timestamp } from '../../../src/core/ids.ts';
import { BACKEND_LIMITS } from '../../../src/core/json/raw.ts';
import { scan, type RawJson } from '../../../src/core/json/scan.ts';
import type { Clock } from '../../../src/core/ports.ts';
import { createCapture, type Capture, type CaptureDeps } from '../../../src/stores/capture/capture.ts';
import { openCaptured, type Reading } from '../../../src/stores/capture/open.ts';

export const NODE = '0198c0de-0000-7000-8000-00000000000a';
export const CALL = '0198c0de-0000-7000-8000-0000000000ca';
export const RECORD = '0198c0de-0000-7000-8000-0000000000ed';
export const REDACTED: readonly string[] = ['password', 'token', 'secret', 'api_key', 'authorization'];
/** Noon. */
export const NOON: number = Date.UTC(2026, 10, 21, 12);
export const HOUR = 3_600_000;
export const DAY: number = 24 * HOUR;

export function raw(text: string): RawJson {
  const scanned = scan(text, BACKEND_LIMITS);
  if (!scanned.ok) throw new Error(`${scanned.error.code} at ${scanned.error.offset}`);
  return scanned.value;
}

export function toolCall(args: string | undefined, name = 'create_issue', backend = 'github'): ToolCall {
  return {
    kind: 'tool', id: callId(CALL), exposed: `${backend}__${name}`, args: args === undefined ? undefined : raw(args), meta: undefined, wantsProgress: false, continuation: undefined, task: undefined,
    target: { kind: 'tool', backend: backendId(backend), name }, at: instant(0), wall: timestamp(NOON),
    principal: { subject: 'alice', roles: [roleName('dev')], scopes: [], issuer: 'x', tokenId: undefined, keyId: undefined, via: 'jwt', expiresAt: timestamp(NOON + DAY), credential: 'c'.repeat(64) },
    origin: { surface: 'http', endpoint: { kind: 'merged' }, era: 'legacy', version: '2025-11-25', session: undefined, client: undefined, capabilities: NO_CAPABILITIES, logLevel: undefined, peer: '192.0.2.1', trace: undefined },
  };
}

export function otherCalls(): { readonly prompt: PromptCall; readonly resource: ResourceCall; readonly taskGet: TaskCall; readonly taskResult: TaskCall } {
  const { args, continuation, ...base } = toolCall('{"title":"t"}');
  const about = { ...base, kind: 'task', task: 'x', born: '', hosted: false, until: timestamp(NOON + DAY) } as const;
  return {
    prompt: { ...base, kind: 'prompt', target: { ...base.target, kind: 'prompt' }, args, continuation },
    resource: { ...base, kind: 'resource', target: { ...base.target, kind: 'resource', name: 'file:///a' }, uri: 'file:///a', continuation },
    taskGet: { ...about, verb: 'get', responses: undefined },
    taskResult: { ...about, verb: 'result', responses: raw('{"q":{"title":"answer"}}') },
  };
}

export function rule(parts: Partial<CaptureRule> = {}): CaptureRule {
  return { targets: ['github/create_issue'], arguments: ['/title'], results: [], bytes: 4096, owner: undefined, reason: 'to undo it', ...parts };
}

export interface World {
  readonly state: string;
  readonly keyDir: string;
  readonly capture: Capture;
  readonly clock: Clock & { now: number };
  readonly faults: (string | undefined)[];
  /** Replaced as by a reload. */
  settings: CaptureSettings;
  kept(call: Call, words?: { readonly args?: boolean; readonly result?: string }, kind?: 'intent' | 'outcome'): string | null;
  read(captured: string | null, kind?: 'intent' | 'outcome'): Reading['content'];
}

export function temporary(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'capture-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function world(t: TestContext, rules: readonly CaptureRule[] = [rule()], parts: Partial<CaptureDeps> = {}): World {
  const state = temporary(t);
  const keyDir = join(state, 'audit-keys');
  let now = NOON;
  const faults: (string | undefined)[] = [];
  const clock = { wall: () => timestamp(now), mono: () => instant(now), get now() { return now; }, set now(ms: number) { now = ms; } };
  const made: World = {
    state, keyDir, clock, faults, settings: { rules, keepMs: 30 * DAY, keyDir: undefined },
    capture: createCapture({ node: NODE, stateDir: state, clock, settings: () => ({ capture: made.settings, redactKeys: REDACTED }), onFault: (fault) => faults.push(fault?.detail), ...parts }),
    kept: (call, { args = true, result } = {}, kind = 'outcome') => made.capture.of({ id: RECORD, kind }, call, { args, result: result === undefined ? undefined : raw(result) }),
    read: (captured, kind = 'outcome') => openCaptured(captured ?? '', { node: NODE, id: RECORD, kind, call: CALL }, { folders: [{ dir: keyDir, node: NODE }], stateDir: state }).content,
  };
  return made;
}

/** What was kept, as plain values of text. */
export function shown(content: Reading['content']): { readonly arguments: Readonly<Record<string, string>>; readonly result: Readonly<Record<string, string>>; readonly incomplete: boolean } {
  if (content.state !== 'open') throw new Error(`not open: ${JSON.stringify(content)}`);
  return { arguments: Object.fromEntries(content.arguments), result: Object.fromEntries(content.result), incomplete: content.incomplete };
}

/** All bytes of all files, each as a letter. */
export function everyByte(folder: string): string {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1')).join('\n');
}
