// What an agent reads for each code, made by the real pipeline in a small world. The pages in docs/errors show these answers.
import { systemClock, systemTimers } from '../../src/app/system.ts';
import { createSchemaChecker } from '../../src/backends/schema/checker.ts';
import { backendId, timestamp } from '../../src/core/ids.ts';
import type { BackendFault } from '../../src/core/ports.ts';
import { err } from '../../src/core/result.ts';
import { DENIAL_CODES, FAULT_CODES, UNKNOWN_NAME_CODE } from '../../src/core/wire/denials.ts';
import type { KillOverride } from '../../src/core/override.ts';
import { allowAll, backendSettings, settings, world, type World } from '../support/world.ts';

/** Stands in the pages for the id of a call, which is another one each time. */
const CALL_ID = '0198d0f4-6b1e-7c39-9f52-3a6d0c41e7b8';
const TOOL = 'files__write_file';
const tools = { files: [{ name: 'write_file', inputSchema: { type: 'object' } }] };
const breaker = { threshold: 5, recoveryMs: 30_000, windowMs: 60_000, minimumCalls: 20, failureRate: 0.5 };
const base = settings({ backends: [backendSettings('files', { breaker })] });

const fileWorld = (options: Parameters<typeof world>[0] = {}): World => world({ settings: base, tools, ...options });

async function read(answer: ReturnType<World['callTool']>): Promise<unknown> {
  const { message } = await answer;
  if (message === undefined) throw new Error('the agent was not answered');
  const parsed: unknown = JSON.parse(message.replaceAll(/call-\d+/g, CALL_ID));
  return parsed;
}

/** As an agent of 2025-11-25 sees it. */
const ask = (w: World): Promise<unknown> => read(w.callTool(TOOL, { path: 'notes.txt' }, { era: 'legacy' }));

async function askAfter(w: World, calls: number): Promise<unknown> {
  for (let made = 0; made < calls; made += 1) await ask(w);
  return ask(w);
}

const kill: KillOverride = { kind: 'kill', id: 'k1', scope: { kind: 'tool', pattern: 'files/write_file' }, by: 'op', reason: 'test', at: timestamp(0), until: undefined };

async function busy(): Promise<unknown> {
  const w = fileWorld({ settings: { ...base, concurrency: { perPrincipal: 32, global: 1000 } }, respond: () => new Promise(() => {}) });
  for (let made = 0; made < 32; made += 1) void w.callTool(TOOL, {}, { era: 'legacy' });
  await new Promise((resolve) => setImmediate(resolve));
  return ask(w);
}

/** With the real checker, so that its words are the page's. */
async function invalidArguments(): Promise<unknown> {
  const schemas = createSchemaChecker({ clock: systemClock, timers: systemTimers, deadlineMs: 10_000, schemaBytes: 65_536, log: () => undefined });
  const inputSchema = { type: 'object', properties: { path: { type: 'string' }, content: { type: 'string' } }, required: ['path', 'content'] };
  try {
    const w = world({ settings: base, tools: { files: [{ name: 'write_file', inputSchema }] }, schemas });
    return await read(w.callTool(TOOL, { path: 3 }, { era: 'legacy' }));
  } finally {
    await schemas.close();
  }
}

const denials: Readonly<Record<keyof typeof DENIAL_CODES, (() => Promise<unknown>) | undefined>> = {
  killed: () => {
    const w = fileWorld();
    w.cell.override([kill]);
    return ask(w);
  },
  forbidden: () => ask(fileWorld({ settings: { ...base, roles: [{ ...allowAll, deny: ['files/write_file'] }] } })),
  insufficient_scope: () => ask(fileWorld({ settings: { ...base, scopes: { baseline: [], grants: [{ name: 'files:write', allow: ['files/write_file'], includes: [] }] } } })),
  limited: () => askAfter(fileWorld({ settings: { ...base, limits: { ...base.limits, perTool: 100 } } }), 100),
  busy,
  invalid_arguments: invalidArguments,
  // No rule enforces a finding yet, so no answer carries this code.
  guarded: undefined,
  circuit_open: () => askAfter(fileWorld({ respond: () => err({ code: 'timeout', afterMs: 1000 }) }), 5),
  backend_down: () => {
    const w = fileWorld();
    w.backends.delete(backendId('files'));
    return ask(w);
  },
  audit_unavailable: () => {
    const w = fileWorld();
    w.auditDown = true;
    return ask(w);
  },
  header_mismatch: () => {
    const inputSchema = { type: 'object', properties: { region: { type: 'string', 'x-mcp-header': 'Region' } } };
    return read(fileWorld({ tools: { files: [{ name: 'write_file', inputSchema }] } }).callTool(TOOL, { region: 'eu' }, { paramHeaders: new Map() }));
  },
  stage_failed: () => ask(fileWorld({ schemas: { check: () => Promise.reject(new Error('broken')) } })),
};

const faults: Readonly<Record<BackendFault['code'], BackendFault>> = {
  spawn_failed: { code: 'spawn_failed', detail: 'x' },
  exited: { code: 'exited', detail: 'x' },
  not_ready: { code: 'not_ready', detail: 'x' },
  timeout: { code: 'timeout', afterMs: 1000 },
  protocol: { code: 'protocol', detail: 'x' },
  oversize: { code: 'oversize', limit: 1 },
  unreachable: { code: 'unreachable', detail: 'x' },
  http_status: { code: 'http_status', status: 500 },
  unauthorized: { code: 'unauthorized', status: 401 },
  queue_full: { code: 'queue_full', limit: 1 },
  cancelled: { code: 'cancelled' },
  stopped: { code: 'stopped' },
};

export interface WireExample {
  readonly code: string;
  readonly make: () => Promise<unknown>;
}

/** One for each code an agent can meet. */
export const WIRE_EXAMPLES: readonly WireExample[] = [
  ...Object.entries(denials).flatMap(([reason, make]) => (make === undefined ? [] : [{ code: codeOf(DENIAL_CODES, reason), make }])),
  { code: UNKNOWN_NAME_CODE, make: () => read(fileWorld().callTool('files__no_such_tool', {}, { era: 'legacy' })) },
  ...Object.values(faults).map((fault) => ({ code: FAULT_CODES[fault.code], make: () => ask(fileWorld({ respond: () => err(fault) })) })),
];


function codeOf(codes: Readonly<Record<string, string>>, reason: string): string {
  const code = codes[reason];
  if (code === undefined) throw new Error(`no code for ${reason}`);
  return code;
}
