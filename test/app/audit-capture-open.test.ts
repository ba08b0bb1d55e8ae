// Captured values over the whole way: a journal that keeps them, the verbs that read and forget them, and the chains over what is left.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test, type TestContext } from 'node:test';
import { daysToForget, forgetDays, revealCall } from '../../src/app/audit-capture.ts';
import { openCaptureTools } from '../../src/app/audit-capture-open.ts';
import { verifyAudit } from '../../src/app/audit-verify.ts';
import { readConfigurationFile, type Configuration } from '../../src/app/configuration.ts';
import { toRaw } from '../../src/core/json/compose.ts';
import { createCapture } from '../../src/stores/capture/capture.ts';
import { dayOf, endOf } from '../../src/stores/capture/days.ts';
import { CANARIES, FRAGMENTS } from '../stores/canaries.ts';
import { CLOCK, journalIn, recordsIn, sampleCall, sampleIntent, sampleNode, sampleOutcome, temporaryFolder } from '../stores/sample.ts';

function configured(t: TestContext, more = ''): Configuration {
  const file = join(temporaryFolder(t), 'sentinel.toml');
  writeFileSync(file, `[gateway]\nstate_dir = "state"\n${more}[[audit.capture]]\ntargets = ["fs/*"]\narguments = ["/note", "/password"]\nresults = ["/content/0/text"]\nreason = "test"\n`, { mode: 0o600 });
  const read = readConfigurationFile(file, { JWT_SECRET_KEY: 'a-secret-of-more-than-thirty-two-bytes', HOME: '/nowhere' });
  assert.ok(read.ok, read.ok ? '' : JSON.stringify(read.error.problems));
  return read.value;
}

function everyByte(folder: string): string {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1')).join('\n');
}

async function verified({ settings }: Configuration): Promise<number> {
  const checked = await verifyAudit(settings, { files: [], stdin: Readable.from([]), anchors: [], keys: [], strict: true, onProgress: () => {}, signal: new AbortController().signal });
  assert.ok(checked.ok, checked.ok ? '' : checked.error.message);
  return checked.value.problems.length;
}

test('J09, J12: values are kept in the journal, read by who asks on record, gone with their key; and the chains verify before and after', async (t) => {
  const configuration = configured(t);
  const { settings } = configuration;
  const { stateDir } = settings.gateway;
  const node = sampleNode(stateDir);
  const journal = journalIn(stateDir, { node, settings: () => settings.audit, capture: createCapture({ node: node.id, stateDir, clock: CLOCK, settings: () => settings.audit }) });
  assert.ok((await journal.start()).ok);
  const call = sampleCall({ args: toRaw({ note: 'meet at the harbour', password: 'hunter2', other: 'unnamed words' }) });
  assert.ok((await journal.intend(sampleIntent(call))).ok);
  await journal.conclude(sampleOutcome(call), toRaw({ content: [{ type: 'text', text: 'they will be there' }] }));
  for (const [, canary] of CANARIES) await journal.conclude(sampleOutcome(sampleCall({ args: toRaw({ note: canary }) })), toRaw({ content: [{ text: canary }] }));
  await journal.close();
  const kept = recordsIn(stateDir).filter(({ call_id }) => call_id === call.id);
  assert.deepEqual(kept.map(({ kind, captured }) => [kind, typeof captured]), [['intent', 'string'], ['outcome', 'string']]);
  assert.equal(await verified(configuration), 0);

  const tools = openCaptureTools(configuration, 'alice');
  assert.ok(tools.ok);
  const revealed = await revealCall(call.id, tools.value);
  assert.ok(revealed.ok && revealed.value !== undefined);
  assert.deepEqual(revealed.value.map(({ reading: { content } }) => (content.state === 'open' ? [[...content.arguments], [...content.result]] : content)), [
    [[['/note', '"meet at the harbour"'], ['/password', '"[redacted]"']], []], [[], [['/content/0/text', '"they will be there"']]],
  ]);
  for (const secret of ['harbour', 'they will', 'hunter2', 'unnamed', ...FRAGMENTS]) assert.equal(everyByte(stateDir).includes(secret), false, secret);

  const days = daysToForget({ before: endOf(dayOf(Date.now())) }, tools.value);
  const { destroyed, fault } = await forgetDays(days, 'request 12', tools.value);
  assert.deepEqual([days.length > 0, destroyed.length, fault], [true, days.length, undefined]);
  const after = await revealCall(call.id, tools.value);
  assert.ok(after.ok && after.value !== undefined);
  assert.deepEqual(after.value.map(({ reading: { content } }) => content.state), ['destroyed', 'destroyed']);
  assert.equal(await verified(configuration), 0);
  assert.deepEqual(recordsIn(stateDir).flatMap(({ event, actor }) => (event === 'audit_read' || event === 'key_destroyed' ? [`${event} by ${actor}`] : [])),
    ['audit_read by alice', 'key_destroyed by alice', 'key_destroyed by alice', 'audit_read by alice']);
});

test('while the audit is off nothing is revealed or destroyed, for it could not be recorded', (t) => {
  const opened = openCaptureTools(configured(t, 'audit_enabled = false\n'), 'alice');
  assert.match(opened.ok ? '' : opened.error.message, /audit is switched off/);
});

test('a call that is not in the store is told from a store that cannot be read', async (t) => {
  const tools = openCaptureTools(configured(t), 'alice');
  assert.ok(tools.ok);
  const none = await revealCall('x', tools.value);
  assert.ok(!none.ok && none.error.code === 'SEN-0601');
});
