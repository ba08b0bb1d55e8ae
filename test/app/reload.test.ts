import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createReloader } from '../../src/app/reload.ts';
import type { Configuration } from '../../src/app/configuration.ts';
import { startFault, type StartFault } from '../../src/app/fault.ts';
import type { LifecycleEvent } from '../../src/core/lifecycle.ts';
import { err, ok, type Result } from '../../src/core/result.ts';
import { backendSettings, settings, world } from '../support/world.ts';

function bench(read: () => Result<Configuration, StartFault>, keys: Result<() => void, { readonly code: string; readonly message: string }> = ok(() => {})): { readonly reloader: ReturnType<typeof createReloader>; readonly events: LifecycleEvent[]; readonly applied: unknown[]; readonly w: ReturnType<typeof world>; reads: number } {
  const w = world();
  const events: LifecycleEvent[] = [];
  const applied: unknown[] = [];
  const self = {
    w, events, applied, reads: 0,
    reloader: createReloader({
      cell: w.cell, clock: w.clock, random: w.deps.random, apply: (next) => applied.push(next),
      read: () => { self.reads += 1; return read(); },
      prepareKeys: () => Promise.resolve(keys),
      announce: (event) => { events.push(event); return Promise.resolve(); },
    }),
  };
  return self;
}
const file = (over: Parameters<typeof settings>[0] = {}): Result<Configuration, StartFault> => ok({ file: '/x/sentinel.toml', text: '', hash: 'hash-2', settings: settings(over), warnings: [], secretVariables: [] });

test('a good file swaps the snapshot once and is announced with what changed', async () => {
  const b = bench(() => file({ backends: [backendSettings('alpha'), backendSettings('beta')] }));
  const before = b.w.cell.current().revision;
  const report = await b.reloader.reload('op');
  assert.equal(report.ok, true);
  assert.equal(b.w.cell.current().revision, before + 1);
  assert.equal(b.w.cell.current().configHash, 'hash-2');
  assert.equal(b.applied.length, 1);
  assert.deepEqual(b.events.map((event) => event.kind), ['reloaded']);
  assert.ok(report.changes.some((line) => line.includes('beta')), report.changes.join('; '));
});

test('who switches the audit off is on record: told before it is, and once', async () => {
  const off = settings();
  const b = bench(() => file({ audit: { ...off.audit, enabled: false } }));
  const on: boolean[] = [];
  b.events.push = (...added: LifecycleEvent[]) => on.push(...added.map(() => b.w.cell.current().settings.audit.enabled));
  assert.ok(b.w.cell.current().settings.audit.enabled);
  assert.equal((await b.reloader.reload('op')).ok, true);
  assert.deepEqual(on, [true]);
  assert.equal(b.w.cell.current().settings.audit.enabled, false);
});

test('a broken file changes nothing: same revision, same settings, nothing applied', async () => {
  const b = bench(() => err(startFault(11, 'SEN-0107', 'one problem')));
  const before = b.w.cell.current();
  const report = await b.reloader.reload('op');
  assert.equal(report.ok, false);
  assert.equal(b.w.cell.current(), before);
  assert.equal(b.applied.length, 0);
  assert.deepEqual(b.events.map((event) => event.kind), ['reload_refused']);
  assert.equal(b.reloader.last()?.ok, false);
});

test('keys that cannot be prepared refuse the whole reload', async () => {
  const b = bench(() => file(), err({ code: 'SEN-0118', message: 'no way to verify tokens' }));
  const before = b.w.cell.current();
  assert.equal((await b.reloader.reload('op')).ok, false);
  assert.equal(b.w.cell.current(), before);
});

test('a change that needs a restart is refused as a whole, never half applied', async () => {
  const base = settings();
  const b = bench(() => file({ gateway: { ...base.gateway, listen: { host: '127.0.0.1', port: 1 } }, names: 'bare' }));
  const before = b.w.cell.current();
  const report = await b.reloader.reload('op');
  assert.equal(report.ok, false);
  assert.match(report.problems[0]?.message ?? '', /listen/);
  assert.equal(b.w.cell.current(), before);
});

test('any number of reloads asked for while one runs become one more, and each asker hears the end of it', async () => {
  const b = bench(() => file());
  const reports = await Promise.all(Array.from({ length: 50 }, () => b.reloader.reload('op')));
  assert.equal(b.reads, 2);
  assert.ok(reports.every((report) => report.ok));
});
