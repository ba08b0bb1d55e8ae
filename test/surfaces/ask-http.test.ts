// Asking an agent of the 2025 revisions over HTTP: on the event stream of its own POST, answered by another POST of the same session.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { notificationMessage } from '../../src/relay/rpc.ts';
import { ALICE_AGAIN, answerTools, BOB, ELICIT } from './fake-ingress.ts';
import { testSettings } from './settings.ts';
import { listener, modern, type LegacySession, session } from './speak.ts';
import { ask, eventually, type OpenStream, openStream } from './wire.ts';

const STREAM = { Accept: 'text/event-stream' };
const ACCEPT = { action: 'accept', content: { ok: true } };

function asking(talk: LegacySession, questions: number = 1, id: string | number = 'call'): Promise<OpenStream> {
  return openStream(talk.request('tools/call', { name: 'ask', arguments: { questions } }, id));
}

function answering(id: string, result: object = ACCEPT): object {
  return { jsonrpc: '2.0', id, result };
}

interface Said {
  readonly id?: unknown;
  readonly method?: string;
  readonly params?: { readonly requestId?: string };
  readonly result?: { readonly content: readonly { readonly text: string }[] };
}

function said(stream: OpenStream): readonly Said[] {
  return stream.events() as readonly Said[];
}

/** What the tool was told by the agent, from the answer that ends its stream. */
async function told(stream: OpenStream): Promise<readonly unknown[]> {
  await stream.ended;
  const replies: readonly { readonly kind: string; readonly raw?: string; readonly message?: string }[] = JSON.parse(said(stream).at(-1)?.result?.content[0]?.text ?? '[]');
  return replies.map(({ kind, raw, message }) => (kind === 'result' ? JSON.parse(raw ?? '') : message));
}

for (const version of ['2025-03-26', '2025-06-18', '2025-11-25']) {
  test(`a question in ${version} rides the stream of its own request, and its answer is a posted response with 202 [SL8, SL12]`, async (t) => {
    const { port, surface } = await listener(t);
    const talk = await session(port, version);
    const stream = await asking(talk);
    await stream.until('"s-1"');
    assert.equal(stream.headers['content-type'], 'text/event-stream');
    assert.equal(said(stream)[0]?.method, 'elicitation/create');
    const posted = await talk.post(answering('s-1'));
    assert.deepEqual([posted.status, posted.text], [202, '']);
    assert.deepEqual(await told(stream), [ACCEPT]);
    assert.deepEqual(said(stream).map(({ id }) => id), ['s-1', 'call']);
    assert.equal(surface.stats().strayResponses, 0);
  });
}

test('a declined question is an answer, and an error is passed on as one', async (t) => {
  const { port } = await listener(t);
  const talk = await session(port);
  const stream = await asking(talk, 2);
  await stream.until('"s-2"');
  await talk.post(answering('s-1', { action: 'decline' }));
  await talk.post({ jsonrpc: '2.0', id: 's-2', error: { code: -1, message: 'User rejected' } });
  assert.deepEqual(await told(stream), [{ action: 'decline' }, 'User rejected']);
});

test('two questions at once, and two calls that ask, each get their own answer', async (t) => {
  const { port } = await listener(t);
  const talk = await session(port);
  const first = await asking(talk, 2, 1);
  const second = await asking(talk, 1, 2);
  await first.until('"s-2"');
  await second.until('"s-3"');
  for (const id of ['s-3', 's-2', 's-1']) assert.equal((await talk.post(answering(id, { for: id }))).status, 202);
  assert.deepEqual(await told(first), [{ for: 's-1' }, { for: 's-2' }]);
  assert.deepEqual(await told(second), [{ for: 's-3' }]);
});

test('T53 A40 an answer from another session, from another principal, of another id or for the second time answers nothing [SL8, SEC15]', async (t) => {
  const { port, surface } = await listener(t);
  const [talk, other] = [await session(port), await session(port)];
  const stream = await asking(talk);
  await stream.until('"s-1"');
  assert.equal((await other.post(answering('s-1', { from: 'other session' }))).status, 202);
  const stolen = { ...talk.with({ Authorization: `Bearer ${BOB}` }), body: JSON.stringify(answering('s-1', { from: 'bob' })) };
  assert.equal((await ask(stolen)).status, 404);
  assert.equal((await talk.post(answering('s-2'))).status, 202);
  assert.equal((await talk.post({ jsonrpc: '2.0', id: 1, result: {} })).status, 202);
  assert.equal(surface.stats().strayResponses, 3);
  const again = { ...talk.with({ Authorization: `Bearer ${ALICE_AGAIN}` }), body: JSON.stringify(answering('s-1')) };
  assert.equal((await ask(again)).status, 202, 'a refreshed token is the same principal');
  assert.deepEqual(await told(stream), [ACCEPT]);
  assert.equal((await talk.post(answering('s-1'))).status, 202);
  assert.equal(surface.stats().strayResponses, 4);
});

test('a cancelled call withdraws its question, and a late answer is dropped', async (t) => {
  const { port, surface, ingress } = await listener(t);
  const talk = await session(port);
  const stream = await asking(talk);
  await stream.until('"s-1"');
  await talk.notify('notifications/cancelled', { requestId: 'call' });
  await stream.ended;
  assert.deepEqual(said(stream).map(({ method, params }) => [method, params?.requestId]), [['elicitation/create', undefined], ['notifications/cancelled', 's-1']]);
  assert.deepEqual(ingress.cancelled, ['agent']);
  assert.equal((await talk.post(answering('s-1'))).status, 202);
  assert.equal(surface.stats().strayResponses, 1);
});

test('when nobody comes back for the stream of the call its question ends, and the call goes on: a dropped connection is no cancel [SL6]', async (t) => {
  const { port, ingress, surface } = await listener(t, { settings: testSettings({ bounds: { resumeMs: 50 } }) });
  const talk = await session(port);
  const stream = await asking(talk);
  await stream.until('"s-1"');
  stream.cut();
  await eventually(() => surface.stats().exchanges === 0, 'the call ended by itself');
  assert.deepEqual(ingress.cancelled, []);
  await talk.post(answering('s-1'));
  assert.equal(surface.stats().strayResponses, 1);
});

test('DELETE ends what was asked with the session', async (t) => {
  const { port, ingress } = await listener(t);
  const talk = await session(port);
  const stream = await asking(talk);
  await stream.until('"s-1"');
  assert.equal((await ask({ ...talk.with({}), method: 'DELETE' })).status, 204);
  await stream.ended;
  assert.equal(said(stream).length, 1);
  assert.deepEqual(ingress.cancelled, ['agent']);
});

test('a gateway that shuts down waits for no answer, since it accepts none', async (t) => {
  const { port, surface } = await listener(t);
  const talk = await session(port);
  const stream = await asking(talk);
  await stream.until('"s-1"');
  await surface.close(5000);
  assert.deepEqual(await told(stream), ['Not answered: the session has ended']);
});

test('a call that is answered while its question is open withdraws it first: the answer is the last word', async (t) => {
  const { port } = await listener(t, {
    handle: (inbound, io) => {
      if (inbound.method === 'tools/call') void io.ask?.(ELICIT, new AbortController().signal);
      return answerTools(inbound, io);
    },
  });
  const talk = await session(port);
  const stream = await openStream(talk.request('tools/call', { name: 'echo' }, 1));
  await stream.ended;
  assert.deepEqual(said(stream).map(({ id, method }) => method ?? id), ['elicitation/create', 'notifications/cancelled', 1]);
});

test('members of a batch are asked on the shared stream, and may be answered by a batch', async (t) => {
  const { port } = await listener(t);
  const talk = await session(port, '2025-03-26');
  const members = [1, 2].map((id) => ({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'ask', arguments: {} } }));
  const stream = await openStream({ ...talk.with({}), body: JSON.stringify(members) });
  await stream.until('"s-2"');
  assert.equal((await talk.post([answering('s-1', { for: 1 }), answering('s-2', { for: 2 })])).status, 202);
  await stream.ended;
  assert.deepEqual(said(stream).map(({ id }) => id), ['s-1', 's-2', 1, 2]);
  assert.match(stream.text(), /for\\\\\\":1.*for\\\\\\":2/s);
});

test('as many questions as a session may have open, on one stream, raise no warning and end with it', async (t) => {
  const { port, surface } = await listener(t, { settings: testSettings({ bounds: { resumeMs: 0 } }) });
  const warnings: Error[] = [];
  const hear = (warning: Error): void => void warnings.push(warning);
  process.on('warning', hear);
  t.after(() => process.off('warning', hear));
  const talk = await session(port, '2025-03-26');
  const members = Array.from({ length: 9 }, (_, id) => ({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'ask', arguments: { questions: 8 } } }));
  const stream = await openStream({ ...talk.with({}), body: JSON.stringify(members) });
  await stream.until('"s-64"');
  assert.equal(said(stream).length, 64);
  stream.cut();
  await eventually(() => surface.stats().exchanges === 0, 'all ended');
  assert.deepEqual(warnings, []);
});

test('modern agents are never asked that way, and have no session [S11]', async (t) => {
  const { port, ingress } = await listener(t);
  const stream = await openStream(modern(port, { method: 'tools/call', params: { name: 'ask', arguments: {} } }));
  await stream.ended;
  assert.match(stream.text(), /cannot ask/);
  assert.deepEqual([ingress.ios[0]?.ask, ingress.ios[0]?.session], [undefined, undefined]);
});

test('T54 an agent of the 2025 revisions without a session is refused before anything could be asked of it', async (t) => {
  const { port, ingress } = await listener(t);
  const reply = await ask({ port, body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'ask', arguments: {} } }) });
  assert.equal(reply.status, 400);
  assert.equal(ingress.seen.length, 0);
});

test('one session is one SessionIo: its notices go to the newest GET stream only, and wait when there is none', async (t) => {
  const { port, ingress } = await listener(t);
  const talk = await session(port);
  for (const id of [1, 2]) await ask(talk.request('tools/list', {}, id));
  const io = ingress.ios.at(-1)?.session;
  assert.ok(io !== undefined);
  assert.equal(ingress.ios.at(-2)?.session, io);
  assert.equal(ingress.ios[0]?.session, undefined, 'initialize has none yet');
  const update = (name: string): void => io.notify(notificationMessage(`notifications/${name}`));
  update('early');
  const first = await openStream({ ...talk.with(STREAM), method: 'GET' });
  await first.until('notifications/early');
  const second = await openStream({ ...talk.with(STREAM), method: 'GET' });
  update('told');
  await second.until('notifications/told');
  assert.deepEqual([first.events().length, second.events().length], [1, 1]);
  first.cut();
  second.cut();
});

test('the session\'s end is told: by DELETE, by idling, by shutdown', async (t) => {
  const { port, ingress, surface } = await listener(t);
  const reasons: string[] = [];
  const open = async (): Promise<LegacySession> => {
    const talk = await session(port);
    await ask(talk.request('tools/list'));
    const ended = ingress.ios.at(-1)?.session?.ended;
    ended?.addEventListener('abort', () => reasons.push(String(ended.reason)));
    return talk;
  };
  const deleted = await open();
  await ask({ ...deleted.with({}), method: 'DELETE' });
  assert.deepEqual(reasons, ['agent']);
  await open();
  ingress.change({ bounds: { sessionIdleMs: 1 } });
  await eventually(() => reasons.length === 2, 'it idled');
  ingress.change({ bounds: { sessionIdleMs: 600_000 } });
  await open();
  await surface.close(0);
  assert.deepEqual(reasons, ['agent', 'timeout', 'shutdown']);
});

test('changes of each list are told as such, and each waits once for a stream', async (t) => {
  const { port, ingress } = await listener(t);
  const talk = await session(port);
  for (const list of ['resources', 'tools', 'prompts', 'tools'] as const) ingress.watchers.forEach(({ changed }) => changed(list));
  const stream = await openStream({ ...talk.with(STREAM), method: 'GET' });
  await stream.until('prompts/list_changed');
  const names = (): readonly (string | undefined)[] => said(stream).map(({ method }) => method);
  assert.deepEqual(names().toSorted(), ['prompts', 'resources', 'tools'].map((list) => `notifications/${list}/list_changed`));
  ingress.watchers.forEach(({ changed }) => changed('prompts'));
  await eventually(() => names().length === 4, 'the next one');
  assert.equal(names()[3], 'notifications/prompts/list_changed');
  stream.cut();
});

test('what an agent can be asked for is what its initialize said, and its log level the one it set with success [SL12]', async (t) => {
  const { port, ingress } = await listener(t);
  const talk = await session(port, '2025-11-25', {}, { elicitation: { form: {}, url: {} }, roots: {} });
  const other = await session(port);
  const levelOf = async (asked: LegacySession): Promise<unknown> => {
    await ask(asked.request('tools/list'));
    return ingress.seen.at(-1)?.origin.logLevel;
  };
  assert.equal(await levelOf(talk), undefined);
  assert.deepEqual(ingress.seen.at(-1)?.origin.capabilities, { elicitForm: true, elicitUrl: true, sampling: false, samplingTools: false, roots: true, tasks: false, apps: false });
  await ask(talk.request('logging/setLevel', { level: 'warning' }));
  await ask(talk.request('logging/setLevel', { level: 'nonsense' }));
  assert.equal(await levelOf(talk), 'warning');
  assert.equal(await levelOf(other), undefined);
  assert.equal(ingress.seen.at(-1)?.origin.capabilities.elicitForm, false);
});
