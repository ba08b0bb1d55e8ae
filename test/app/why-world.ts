// A call that was really decided, by the stages, and really recorded, in a journal; and what `why` says of it.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { whyCall, type WhyDeps } from '../../src/app/why-call.ts';
import type { WhyReport } from '../../src/app/why-report.ts';
import type { LifecycleEvent } from '../../src/core/lifecycle.ts';
import type { Outcome } from '../../src/core/outcome.ts';
import type { Settings } from '../../src/core/settings.ts';
import { journalReader } from '../../src/stores/journal/reader.ts';
import type { AuditReader } from '../../src/stores/queries.ts';
import { journalIn, temporaryFolder } from '../stores/sample.ts';
import { settings, world, type World } from '../support/world.ts';

export const AUTH: Settings['auth'] = { ...settings().auth, ownKeys: { directory: '/nonexistent', issuer: 'i', audience: 'a', graceMs: 0 } };

export interface Scene {
  readonly w: World;
  /** Everything so far is written, and the last outcome explained. */
  explained(over?: Partial<WhyDeps>): Promise<WhyReport>;
  note(event: LifecycleEvent): void;
  readonly reader: AuditReader;
}

export function scene(t: TestContext, options: Parameters<typeof world>[0] = {}): Scene {
  const used = options.settings ?? settings({ auth: AUTH });
  const w = world({ ...options, settings: used });
  const folder = temporaryFolder(t);
  const events: LifecycleEvent[] = [];
  return {
    w,
    note: (event) => void events.push(event),
    reader: journalReader([join(folder, 'journal')]),
    explained: async (over) => {
      const journal = journalIn(folder, { clock: w.clock });
      await journal.start();
      for (const event of events) await journal.note(event);
      for (const intent of w.intents) await journal.intend(intent);
      for (const outcome of w.outcomes) await journal.conclude(outcome);
      await journal.close();
      const id = idOf(w.outcomes.at(-1)) ?? w.intents.at(-1)?.call.id ?? '';
      const found = await whyCall(id, { audit: journalReader([join(folder, 'journal')]), settings: used, file: '/etc/sentinel.toml', hash: 'hash-1', overrides: [], running: undefined, now: w.clock.wall(), ...over });
      assert.ok(found.ok && found.value !== undefined, JSON.stringify(found));
      return found.value;
    },
  };
}

function idOf(outcome: Outcome | undefined): string | undefined {
  return outcome?.kind === 'call' ? outcome.call.id : outcome?.id;
}
