// Keys of objects are values as often as names: what an agent calls the members of a map is for its backend, and not for the record.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { createSchemaChecker } from '../../src/backends/schema/checker.ts';
import { toRaw } from '../../src/core/json/compose.ts';
import { clock, systemTimers } from '../backends/support.ts';
import { journalIn, recordsIn, sampleNode, temporaryFolder } from '../stores/sample.ts';
import { ALL_OFFERS } from '../support/offers.ts';
import { read, world, type World } from '../support/world.ts';

const CARD = '4111 1111 1111 1111';
const MAIL = 'jane.doe@example.org';
const TOOL = { name: 'pay', inputSchema: { type: 'object', properties: { balances: { type: 'object', additionalProperties: { type: 'number' } }, rows: { type: 'array', items: { type: 'object', additionalProperties: { type: 'number' } } } }, required: [] } };

interface Kept {
  readonly text: string;
  readonly rows: ReturnType<typeof recordsIn>;
  hidden(key: string): string;
}

async function kept(w: World, folder: string): Promise<Kept> {
  const node = sampleNode(folder);
  const journal = journalIn(folder, { clock: w.clock, node });
  await journal.start();
  for (const intent of w.intents) await journal.intend(intent);
  for (const outcome of w.outcomes) await journal.conclude(outcome);
  await journal.close();
  const rows = recordsIn(folder).filter(({ kind }) => kind !== 'lifecycle');
  return { rows, text: JSON.stringify(rows), hidden: (key) => `~3${node.hmac(key).slice(0, 8)}` };
}

/** As the gateway is composed: one key for the records and for the evidence. */
function scene(t: TestContext): { readonly w: World; records(): Promise<Kept> } {
  const folder = temporaryFolder(t);
  const schemas = createSchemaChecker({ clock, timers: systemTimers, deadlineMs: 60_000, schemaBytes: 200_000, log: () => {} });
  t.after(() => schemas.close());
  const w = world({ schemas, tools: { alpha: [TOOL] }, listings: { alpha: { prompts: [toRaw({ name: 'p', arguments: [{ name: 'lang' }] })], offers: ALL_OFFERS } }, deps: { disguise: { digest: sampleNode(folder).hmac, network: (peer) => peer } } });
  return { w, records: () => kept(w, folder) };
}

test('of a call that is made, keys stand in the record only where the tool names them', async (t) => {
  const { w, records } = scene(t);
  await w.callTool('alpha__pay', { balances: { [MAIL]: 12, [CARD]: 1 }, rows: [{ balances: 3 }], 'hiv positive': true });
  const { rows, text, hidden } = await records();
  const paths: readonly string[] = JSON.parse(String(rows[0]?.args_shape)).paths.map(({ path }: { path: string }) => path);
  assert.deepEqual(paths, ['', '/balances', `/balances/${hidden(MAIL)}`, `/balances/${hidden(CARD)}`, '/rows', '/rows/*', '/rows/*/balances', `/${hidden('hiv positive')}`]);
  for (const key of [MAIL, CARD, 'hiv positive']) assert.ok(!text.includes(key), key);
});

test('of arguments that do not fit, neither fault nor trail says a key that the tool does not name; the agent reads its own', async (t) => {
  const { w, records } = scene(t);
  const answer = read(await w.callTool('alpha__pay', { balances: { [MAIL]: 'x', 4111: 'y' }, rows: [{}, { [CARD]: 'z' }] }));
  assert.ok(JSON.stringify(answer).includes(MAIL) && JSON.stringify(answer).includes(CARD));
  const { rows, text, hidden } = await records();
  const places = [`/balances/${hidden('4111')} type`, `/balances/${hidden(MAIL)} type`, `/rows/1/${hidden(CARD)} type`];
  assert.equal(rows[0]?.fault, `invalid_arguments: ${places.join('; ')}`);
  const trail: readonly { readonly stage: string; readonly note?: string }[] = JSON.parse(String(rows[0].trail));
  assert.equal(trail.find(({ stage }) => stage === 'arguments')?.note, places.join('; '));
  for (const key of [MAIL, CARD, '/4111']) assert.ok(!text.includes(key), key);
});

test('of a prompt, only the arguments that it declares stand in the record', async (t) => {
  const { w, records } = scene(t);
  await w.ask('prompts/get', { name: 'alpha__p', arguments: { lang: 'de', [MAIL]: 'x' } });
  await w.ask('prompts/get', { name: 'alpha__p', arguments: { [CARD]: 7 } });
  const { rows, text, hidden } = await records();
  assert.ok(String(rows[0]?.args_shape).includes('"/lang"') && String(rows[0]?.args_shape).includes(`"/${hidden(MAIL)}"`), String(rows[0]?.args_shape));
  for (const key of [MAIL, CARD]) assert.ok(!text.includes(key), key);
});

test('of a completion and of answers to a question, the words of the protocol stand in the record and no others', async (t) => {
  const { w, records } = scene(t);
  await w.ask('completion/complete', { ref: { type: 'ref/prompt', name: 'alpha__p' }, argument: { name: 'lang', value: 'd' }, context: { arguments: { lang: 'x', [MAIL]: 'y' } } });
  await w.ask('tools/call', { name: 'alpha__pay', arguments: { balances: {} }, inputResponses: { q1: { action: 'accept', content: { [CARD]: 1, balances: 2 } } } });
  const { rows, text, hidden } = await records();
  const shapes = rows.filter(({ kind }) => kind === 'intent').map(({ args_shape: shape }) => String(shape));
  assert.equal(shapes.length, 2);
  assert.ok(shapes[0]?.includes(`"/context/arguments/${hidden(MAIL)}"`) && shapes[0].includes('"/context/arguments/lang"'), shapes[0]);
  assert.ok(shapes.at(-1)?.includes(`"/inputResponses/${hidden('q1')}/content/${hidden(CARD)}"`), shapes.at(-1));
  assert.ok(shapes.at(-1)?.includes(`"/inputResponses/${hidden('q1')}/content/balances"`));
  for (const key of [MAIL, CARD]) assert.ok(!text.includes(key), key);
});
