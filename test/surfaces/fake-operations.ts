// Operations of known answers for tests of the operators' surfaces; keeps what it was asked.
import { backendId, timestamp } from '../../src/core/ids.ts';
import type { LiveEvent, Operations, Readiness, StatusReport } from '../../src/core/operations.ts';
import { err, ok } from '../../src/core/result.ts';

export interface FakeOperations extends Operations {
  readonly asked: unknown[];
  ready: Readiness;
  backends: number;
  readonly listeners: Set<(event: LiveEvent) => void>;
}

export function fakeOperations(): FakeOperations {
  const fake: FakeOperations = {
    asked: [],
    ready: { ready: true, conditions: [{ name: 'backends', ok: true, note: '1 of 1' }] },
    backends: 1,
    listeners: new Set(),
    status: () => statusOf(fake),
    readiness: () => fake.ready,
    metrics: () => Promise.resolve('sentinel_up 1\n'),
    reload: (by) => {
      fake.asked.push({ reload: by });
      return Promise.resolve({ ok: true, revision: 2, changes: ['roles'], problems: [] });
    },
    kill: (request) => {
      fake.asked.push({ kill: request });
      return Promise.resolve(ok({ id: 'k1', revision: 3, cancelled: [], tasks: 0, hits: 1, tools: 2, known: true }));
    },
    unkill: (request) => {
      fake.asked.push({ unkill: request });
      return Promise.resolve(request.target === 'nothing' ? err({ code: 'not_found', message: 'no such kill' }) : ok({ removed: 1, revision: 4 }));
    },
    kills: () => [],
    revoke: (request) => {
      fake.asked.push({ revoke: request });
      return Promise.resolve(request.value === 'down' ? err({ code: 'unavailable', message: 'the store is away' }) : ok(undefined));
    },
    rekey: (by) => {
      fake.asked.push({ rekey: by });
      return Promise.reject(new Error('secret detail'));
    },
    recordRead: (request) => {
      fake.asked.push({ recordRead: request });
      return Promise.resolve(request.asked === 'down' ? err({ code: 'unavailable', message: 'the audit is away' }) : ok(undefined));
    },
    explain: (request) => {
      fake.asked.push({ explain: request });
      return Promise.resolve({ allowed: true, known: true, target: 'gh/x', code: undefined, revision: 1, trail: [] });
    },
    tools: (roles) => {
      fake.asked.push({ tools: roles });
      return [{ name: 'gh__x', target: 'gh/x', digest: 'd', visible: true }];
    },
    objects: (roles) => {
      fake.asked.push({ objects: roles });
      return [{ kind: 'prompt', name: 'gh__p', target: 'prompt:gh/p', digest: 'd', visible: true }];
    },
    tail: (listener) => {
      fake.listeners.add(listener);
      return () => fake.listeners.delete(listener);
    },
  };
  return fake;
}

function statusOf(fake: FakeOperations): StatusReport {
  return {
    version: '0', pid: 1, startedAt: timestamp(0), endpoint: 'e', health: 'h', controlSocket: 's', configFile: undefined, revision: 1, configHash: 'x', lastReload: undefined,
    readiness: fake.ready, circuits: [], tools: 0, prompts: 0, resources: 0, policy: 'p', kills: [], inflight: 0, parked: 0, follows: 0, tasks: 0, sessions: 0, store: 'none', exports: [], shipping: undefined, warnings: [],
    backends: Array.from({ length: fake.backends }, () => ({
      id: backendId('gh'), transport: 'stdio', state: 'ready', since: timestamp(0), era: undefined, version: undefined, tools: 0, pid: undefined, restarts: 0, inflight: 0,
      lastFault: undefined, noise: 0,
    })),
  };
}
