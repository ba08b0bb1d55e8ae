// Opens what `audit reveal` and `audit forget` work on: the records of the store, the folder of the keys, and this process's way into the audit.
import { err, ok, type Result } from '../core/result.ts';
import { loadNode } from '../stores/node.ts';
import { openAudit } from './audit.ts';
import type { CaptureRecord, CaptureTools } from './audit-capture.ts';
import type { Configuration } from './configuration.ts';
import { startFault, type StartFault } from './fault.ts';
import { recordFact } from './record.ts';
import { systemClock, systemRandom } from './system.ts';

export function openCaptureTools({ settings }: Configuration, by: string): Result<CaptureTools, StartFault> {
  const { audit, gateway } = settings;
  // What is done to captured values is done on record or not at all.
  if (!audit.enabled) return err(startFault(1, 'SEN-0904', 'the audit is switched off, so this could not be recorded', 'set `audit_enabled = true` in [gateway]'));
  const node = loadNode(gateway.stateDir, systemRandom);
  if (!node.ok) return err(startFault(1, 'SEN-0601', `the state directory cannot be used: ${node.error.detail}`, 'sentinel doctor'));
  return ok({
    node: node.value.id, stateDir: gateway.stateDir, settings: audit.capture, clock: systemClock, by,
    record: (fact) => recordFact(settings, by, fact),
    records: (call) => recordsOf(call, settings),
  });
}

async function recordsOf(call: string, settings: Configuration['settings']): ReturnType<CaptureTools['records']> {
  const opened = await openAudit(settings);
  if (!opened.ok) return opened;
  try {
    const story = await opened.value.show(call);
    if (!story.ok) return err(startFault(1, 'SEN-0601', `the store cannot be read: ${story.error.detail}`, 'sentinel doctor'));
    return ok(story.value?.records.flatMap(({ node, id, kind, ts, captured }): readonly CaptureRecord[] =>
      ((kind === 'intent' || kind === 'outcome') && captured !== null ? [{ node, id, kind, ts, captured }] : [])));
  } finally {
    await opened.value.close();
  }
}
