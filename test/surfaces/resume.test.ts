// Streams of the 2025 revisions that can be resumed: what came after the last event that was read comes again, on its own stream, to its own
// principal, exactly once and in order. What may not be resumed is in test/attack/replay.test.ts. Source: MCP 2025-11-25 transports, Resumability and Redelivery; SEP-1699.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ALICE_AGAIN } from './fake-ingress.ts';
import { broken, eventsIn, lastId, messagesIn, progressOf, readPart, resumed, resuming, type SseEvent, STREAM_FIRST, streaming } from './resume-client.ts';
import { testSettings } from './settings.ts';
import { envelope, listener, modern, session, textOf } from './speak.ts';
import { ask, eventually, openStream } from './wire.ts';

const STREAM = { Accept: 'text/event-stream' };

test('who names text/event-stream first gets a stream from the start, that begins with an id, a time to wait, and no message [SL7]', async (t) => {
  const { port } = await listener(t);
  const talk = await session(port);
  const { status, type, events, ended } = await readPart(streaming(talk, 'echo', { a: 1 }));
  assert.deepEqual([status, type, ended, events.length], [200, 'text/event-stream', true, 2]);
  assert.deepEqual([events[0]?.data, events[0]?.retry, events[1]?.retry], ['', '20', undefined]);
  assert.equal(textOf(events[1]?.data ?? ''), '{"a":1}');
  const ids = events.map(({ id }) => id);
  assert.ok(ids.every((id) => id !== undefined && /^[\x21-\x7e]{1,96}$/.test(id)) && new Set(ids).size === 2, String(ids));
});

test('who names JSON first gets JSON where that is enough, and a stream with ids where it is not', async (t) => {
  const { port } = await listener(t);
  const talk = await session(port);
  for (const accept of ['application/json, text/event-stream', '*/*', 'application/json;q=0.9, text/event-stream;q=0.8', 'text/event-stream;q=0.5, application/json']) {
    const reply = await ask({ ...talk.request('tools/call', { name: 'echo' }), headers: { ...talk.request('ping').headers, Accept: accept } });
    assert.equal(reply.headers['content-type'], 'application/json', accept);
  }
  for (const accept of ['text/event-stream, application/json', 'application/json;q=0.5, text/event-stream', 'text/event-stream, */*', 'application/json;q=0.9,text/event-stream;q=1.0']) {
    const reply = await ask({ ...talk.request('tools/list'), headers: { ...talk.request('ping').headers, Accept: accept } });
    assert.equal(reply.headers['content-type'], 'text/event-stream', accept);
  }
  const lazily = await readPart(talk.request('tools/call', { name: 'progress', arguments: { steps: 2 } }));
  assert.deepEqual([lazily.events[0]?.data, lazily.events.length], ['', 4]);
});

test('initialize is answered in JSON whatever is named first: a stream could not bring the session\'s id', async (t) => {
  const { port } = await listener(t);
  const talk = await session(port, '2025-11-25', STREAM_FIRST);
  assert.equal(talk.initialized.headers['content-type'], 'application/json');
});

for (const [version, header] of [['2025-03-26', undefined], ['2025-06-18', undefined], ['2025-11-25', '2025-06-18']] as const) {
  test(`a stream in ${version}${header === undefined ? '' : ` asked with the header of ${header}`} has ids and no event without a message, which that revision does not know`, async (t) => {
    const { port } = await listener(t, { settings: testSettings({ bounds: { streamMs: 1 } }) });
    const talk = await session(port, version);
    const headers = header === undefined ? {} : { 'MCP-Protocol-Version': header };
    const whole = await readPart(streaming(talk, 'progress', { steps: 40 }, 1, headers));
    assert.equal(whole.ended, true, 'the gateway ends no connection that its agent would not come back from');
    assert.equal(whole.events.length, 41);
    assert.ok(whole.events.every(({ id, retry, data }) => id !== undefined && retry === undefined && data !== ''));
    const rest = await readPart(resuming(talk, whole.events[30]?.id ?? '', headers));
    assert.deepEqual(rest.events, whole.events.slice(31));
  });
}

test('T30 streams of 2026-07-28 have no ids, whatever is named first', async (t) => {
  const { port } = await listener(t);
  const stream = await openStream(modern(port, { method: 'tools/call', params: { name: 'progress', arguments: { steps: 2 } }, meta: { ...envelope(), progressToken: 1 }, headers: STREAM_FIRST }));
  await stream.ended;
  assert.match(stream.text(), /"progress":2/);
  assert.doesNotMatch(stream.text(), /^(?:id|retry):/m);
});

test('a broken stream goes on after the last event that was read, to its answer, and the call was made once [SL6]', async (t) => {
  const { port, ingress } = await listener(t);
  const talk = await session(port);
  const first = await broken(talk, { steps: 30 }, 400);
  const rest = await readPart(resuming(talk, lastId(first.events)));
  assert.equal(rest.ended, true);
  const all = [...messagesIn(first.events), ...messagesIn(rest.events)];
  assert.deepEqual(all.map(progressOf).slice(0, -1), Array.from({ length: 30 }, (_, at) => at + 1));
  assert.equal(textOf(all.at(-1) ?? ''), 'progressed');
  assert.equal(ingress.seen.filter(({ method }) => method === 'tools/call').length, 1);
  assert.deepEqual(ingress.cancelled, []);
});

test('over random breaks, wherever in the bytes, the agent that always resumes has each message exactly once and in order', async (t) => {
  const { port } = await listener(t);
  const talk = await session(port);
  let id = 0;
  await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 25 }), fc.array(fc.integer({ min: 1, max: 900 }), { maxLength: 6 }), fc.boolean(), async (steps, cuts, twice) => {
    id += 1;
    const got: SseEvent[] = [];
    let part = await readPart(streaming(talk, 'progress', { steps }, id), cuts[0]);
    for (const most of [...cuts.slice(1), undefined]) {
      got.push(...part.events);
      if (part.ended) break;
      // Without an id there is nothing to come back with: the very first event was cut.
      if (lastId(got) === '') return;
      if (twice) await readPart(resuming(talk, lastId(got)), 1);
      part = await readPart(resuming(talk, lastId(got)), most);
      if (most === undefined) got.push(...part.events);
    }
    const messages = messagesIn(got);
    assert.deepEqual(messages.map(progressOf).slice(0, -1), Array.from({ length: steps }, (_, at) => at + 1));
    assert.match(messages.at(-1) ?? '', new RegExp(`"id":${id},`));
    const ids = got.flatMap((event) => (event.id === undefined ? [] : [event.id]));
    assert.equal(new Set(ids).size, ids.length, 'no id twice');
  }), { numRuns: 40 });
});

test('an answer that nobody was there for waits for its agent, for a while', async (t) => {
  const { port, ingress, surface } = await listener(t);
  const talk = await session(port);
  const first = await broken(talk, { steps: 20 }, 200);
  await eventually(() => surface.stats().exchanges === 0, 'the call ended without a reader');
  const again = await readPart(resuming(talk, lastId(first.events), { Authorization: `Bearer ${ALICE_AGAIN}` }));
  assert.match(again.events.at(-1)?.data ?? '', /progressed/);
  // Once more: it may have been lost again.
  assert.deepEqual(messagesIn((await readPart(resuming(talk, lastId(first.events)))).events), messagesIn(again.events));
  const over = await resumed(talk, lastId(again.events));
  assert.deepEqual([over.status, over.text], [204, ''], 'there is nothing more, and asking again is no use');
  ingress.change({ bounds: { resumeMs: 50 } });
  await eventually(() => surface.stats().keptBytes === 0, 'it was forgotten');
  assert.equal((await resumed(talk, lastId(first.events))).status, 400);
});

test('a stream has one reader: who resumes takes it over, and the connection before it ends', async (t) => {
  const { port } = await listener(t);
  const talk = await session(port);
  const call = await openStream(streaming(talk, 'wait', { ms: 300 }));
  await call.until('data: ');
  const id = lastId(eventsIn(call.text()));
  const second = await openStream(resuming(talk, id));
  await call.ended;
  assert.deepEqual(messagesIn(eventsIn(call.text())), []);
  await second.ended;
  assert.match(second.text(), /"ms\\":300/);
});

test('a connection older than stream_time is ended, and its agent has the answer by coming back: also of a call that had no stream yet [SL7]', async (t) => {
  const { port, ingress, surface } = await listener(t, { settings: testSettings({ bounds: { streamMs: 20 } }) });
  const talk = await session(port);
  for (const [id, asking] of [[1, streaming(talk, 'wait', { ms: 700 }, 1)], [2, talk.request('tools/call', { name: 'wait', arguments: { ms: 700 } }, 2)]] as const) {
    let part = await readPart(asking);
    const got = [...part.events];
    let polls = 0;
    while (!got.some(({ data }) => data !== '')) {
      assert.equal(part.events[0]?.retry, '20');
      part = await readPart(resuming(talk, lastId(got)));
      got.push(...part.events);
      polls += 1;
    }
    assert.ok(polls >= 1);
    assert.match(messagesIn(got).join(), new RegExp(`"id":${id},.*700`));
  }
  const feed = await openStream({ ...talk.with(STREAM), method: 'GET' });
  await feed.ended;
  await eventually(() => surface.stats().subscriptions === 0, 'it holds no place');
  ingress.watchers.forEach((watcher) => watcher.changed('tools'));
  const back = await openStream(resuming(talk, lastId(eventsIn(feed.text()))));
  await back.until('tools/list_changed');
  assert.deepEqual(ingress.cancelled, []);
});

test('a question that was on its way when the connection broke is asked again, and its answer counts once', async (t) => {
  const { port, surface } = await listener(t);
  const talk = await session(port);
  const lost = await openStream(streaming(talk, 'ask', { questions: 1 }, 'call'));
  await lost.until('"s-1"');
  const start = eventsIn(lost.text())[0]?.id ?? '';
  lost.cut();
  await lost.ended;
  const back = await openStream(resuming(talk, start));
  await back.until('"s-1"');
  await talk.post({ jsonrpc: '2.0', id: 's-1', result: { action: 'accept', content: { ok: true } } });
  await back.ended;
  assert.match(back.text(), /\\"action\W+accept\W/);
  assert.equal(surface.stats().strayResponses, 0);
});

test('the stream that belongs to no request is resumed too: what was missed once, what was read not again, of equal notices one', async (t) => {
  const { port, ingress, surface } = await listener(t);
  const talk = await session(port);
  const changed = (list: 'tools' | 'prompts' | 'resources'): void => ingress.watchers.forEach((watcher) => watcher.changed(list));
  const first = await openStream({ ...talk.with(STREAM), method: 'GET' });
  changed('tools');
  await first.until('tools/list_changed');
  first.cut();
  await eventually(() => surface.stats().subscriptions === 0, 'nobody reads');
  for (const list of ['prompts', 'resources', 'prompts', 'prompts'] as const) changed(list);
  const back = await openStream(resuming(talk, lastId(eventsIn(first.text()))));
  await back.until('resources/list_changed');
  assert.deepEqual(messagesIn(eventsIn(back.text())).map((data) => /notifications\/(\w+)/.exec(data)?.[1]), ['prompts', 'resources']);
  back.cut();
  await back.ended;
  const fresh = await openStream({ ...talk.with(STREAM), method: 'GET' });
  changed('tools');
  await fresh.until('tools/list_changed');
  assert.equal(messagesIn(eventsIn(fresh.text())).length, 1, 'who begins anew is told nothing twice');
  fresh.cut();
});

test('an answer that is too large to keep reaches who reads it, and is not promised to who does not', async (t) => {
  const { port } = await listener(t, { settings: testSettings({ bounds: { resumeBytes: 20_000, resumeTotalBytes: 1 << 20 } }) });
  const talk = await session(port);
  const whole = await readPart(streaming(talk, 'big', { bytes: 60_000 }));
  assert.equal(textOf(whole.events[1]?.data ?? '').length, 60_000);
  assert.equal((await resumed(talk, whole.events[0]?.id ?? '')).status, 400);
});

test('with resume_time at nothing answers have no ids and cannot be resumed', async (t) => {
  const { port } = await listener(t, { settings: testSettings({ bounds: { resumeMs: 0 } }) });
  const talk = await session(port);
  const { events } = await readPart(streaming(talk, 'echo', {}));
  assert.deepEqual(events.map(({ id }) => id), [undefined]);
});
