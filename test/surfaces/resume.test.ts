// Streams of the 2025 revisions that can be resumed: what came after the last event that was read comes again, on its own stream, to its own
// principal, exactly once and in order; everything else is refused. Source: MCP 2025-11-25 transports, Resumability and Redelivery; SEP-1699.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ALICE_AGAIN, BOB } from './fake-ingress.ts';
import { eventsIn, lastId, messagesIn, type Part, readPart, resumed, resuming, type SseEvent, STREAM_FIRST, streaming } from './resume-client.ts';
import { testSettings } from './settings.ts';
import { envelope, errorOf, type LegacySession, listener, modern, session, textOf } from './speak.ts';
import { ask, eventually, openStream } from './wire.ts';

const STREAM = { Accept: 'text/event-stream' };

function progressOf(data: string): number | undefined {
  return /"progress":(\d+)/.exec(data)?.[1] === undefined ? undefined : Number(/"progress":(\d+)/.exec(data)?.[1]);
}

/** A call that was begun, and whose connection was lost after some bytes. */
async function broken(talk: LegacySession, args: object, bytes: number, id: string | number = 1): Promise<Part> {
  const part = await readPart(streaming(talk, 'progress', args, id), bytes);
  assert.equal(part.ended, false, 'it was cut before its end');
  return part;
}

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

test('nothing of another stream is replayed, of the same session or of another one [SL7, SEC14]', async (t) => {
  const { port, ingress } = await listener(t);
  const [talk, other] = [await session(port), await session(port)];
  const [one, two] = await Promise.all([broken(talk, { steps: 20 }, 200, 'one'), broken(talk, { steps: 20 }, 200, 'two')]);
  const foreign = await broken(other, { steps: 20 }, 200, 'foreign');
  ingress.watchers.forEach((watcher) => watcher.changed('tools'));
  const rest = messagesIn((await readPart(resuming(talk, lastId(one.events)))).events);
  assert.match(rest.at(-1) ?? '', /"id":"one"/);
  assert.doesNotMatch(rest.join(), /"two"|"foreign"|list_changed/);
  assert.equal(rest.filter((data) => data.includes('"result"')).length, 1);
  for (const part of [two, foreign]) assert.notEqual(lastId(part.events).split('.').slice(0, 2).join(), lastId(one.events).split('.').slice(0, 2).join());
  const stolen = await resumed(talk, lastId(foreign.events));
  assert.equal(stolen.status, 400);
});

test('what is no place on a stream of this session is one and the same refusal, and costs the session nothing [SL7, SEC14]', async (t) => {
  const { port, surface } = await listener(t);
  const [talk, other] = [await session(port), await session(port)];
  const { events } = await readPart(streaming(talk, 'echo', {}));
  const foreign = lastId((await readPart(streaming(other, 'echo', {}))).events);
  const [tag = '', stream = '', event = ''] = lastId(events).split('.');
  const refused: ReadonlySet<string> = new Set(await Promise.all([
    foreign, `${tag}.${stream}.${Number(event) + 1}`, `${tag}.${Number(stream) + 1}.0`, `${tag}.0.1`, `${tag}.${stream}.0${event}`, `${tag}.${stream}`, `${tag}.${stream}.${event}.x`,
    `${tag}.${stream}.-1`, `${tag}.${stream}.1e0`, `${tag}.${stream}.999999999999999`, `${tag}.${stream}.99999999999999999999`, `${tag}..${event}`, 'x', '1', '__proto__', '', '\u00ff', 'x'.repeat(10_000),
    `${tag.toUpperCase()}x.${stream}.${event}`,
  ].map(async (id) => {
    const reply = await resumed(talk, id);
    return `${reply.status} ${reply.text}`;
  })));
  assert.equal(refused.size, 1, [...refused].join('\n'));
  assert.match([...refused][0] ?? '', /^400 .*Last-Event-ID/);
  const twice = await ask({ ...resuming(talk, lastId(events)), lines: ['Last-Event-ID', lastId(events)] });
  assert.equal(twice.status, 400);
  assert.equal(surface.stats().subscriptions, 0);
  assert.equal((await ask(talk.request('ping'))).status, 200);
});

test('an id of a session opens nothing to others: not to another principal, not without a token, not after its end [SEC11, SEC14]', async (t) => {
  const { port, ingress } = await listener(t);
  const talk = await session(port);
  const id = lastId((await broken(talk, { steps: 20 }, 200)).events);
  const bobs = await session(port, '2025-11-25', { Authorization: `Bearer ${BOB}` });
  const stolen = await resumed(talk, id, { Authorization: `Bearer ${BOB}` });
  assert.deepEqual([stolen.status, errorOf(stolen.text).message], [404, 'Session not found']);
  assert.equal(ingress.refused.at(-1)?.reason.code, 'foreign_session');
  assert.equal((await resumed(bobs, id)).status, 400);
  assert.equal((await resumed(talk, id, { Authorization: undefined })).status, 401);
  assert.equal((await ask({ ...resuming(talk, id), path: '/mcp/gh' })).status, 404);
  assert.match((await readPart(resuming(talk, id))).events.at(-1)?.data ?? '', /progressed/, 'its own agent has it');
  await ask({ ...talk.with({}), method: 'DELETE' });
  assert.equal((await resumed(talk, id)).status, 404);
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

test('a reader too slow for its stream loses the connection, and neither the call nor what it has not read', async (t) => {
  const { port, ingress, surface } = await listener(t, { settings: testSettings({ bounds: { streamBufferBytes: 2000, resumeBytes: 1 << 24, resumeTotalBytes: 1 << 27 } }) });
  const talk = await session(port);
  const padding = 'x'.repeat(20_000);
  const stream = await openStream(streaming(talk, 'noise', { steps: 400, padding }));
  await stream.until('data: ');
  stream.pause();
  await eventually(() => surface.stats().hits.reader === 1, 'it was too slow');
  stream.cut();
  await eventually(() => surface.stats().exchanges === 0, 'the call came to its end');
  assert.deepEqual(ingress.cancelled, []);
  const rest = await readPart(resuming(talk, eventsIn(stream.text())[0]?.id ?? ''));
  assert.deepEqual(messagesIn(rest.events).map(progressOf).slice(0, -1), Array.from({ length: 400 }, (_, at) => at + 1));
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

test('a session keeps so much and no more: an answered stream makes room, a running one loses its oldest, and both are counted', async (t) => {
  const { port, surface } = await listener(t, { settings: testSettings({ bounds: { resumeBytes: 40_000, resumeTotalBytes: 400_000 } }) });
  const talk = await session(port);
  const done = await readPart(streaming(talk, 'echo', {}, 'done'));
  const running = await openStream(streaming(talk, 'noise', { steps: 12, padding: 'x'.repeat(5000) }, 'running'));
  await running.ended;
  const events = eventsIn(running.text());
  assert.equal(events.length, 14, 'its reader misses nothing');
  assert.ok(surface.stats().hits.resume >= 5 && surface.stats().keptBytes <= 40_000);
  assert.equal((await resumed(talk, done.events[0]?.id ?? '')).status, 400);
  assert.equal((await resumed(talk, events[0]?.id ?? '')).status, 400, 'from the start it is not whole');
  const rest = await readPart(resuming(talk, events[9]?.id ?? ''));
  assert.deepEqual(messagesIn(rest.events), messagesIn(events.slice(10)));
});

test('an answer that is too large to keep reaches who reads it, and is not promised to who does not', async (t) => {
  const { port } = await listener(t, { settings: testSettings({ bounds: { resumeBytes: 20_000, resumeTotalBytes: 1 << 20 } }) });
  const talk = await session(port);
  const whole = await readPart(streaming(talk, 'big', { bytes: 60_000 }));
  assert.equal(textOf(whole.events[1]?.data ?? '').length, 60_000);
  assert.equal((await resumed(talk, whole.events[0]?.id ?? '')).status, 400);
});

test('one principal keeps a quarter of all at most: the streams of others can still be resumed', async (t) => {
  const { port, surface } = await listener(t, { settings: testSettings({ bounds: { resumeBytes: 30_000, resumeTotalBytes: 40_000 } }) });
  const sessions = await Promise.all([session(port), session(port), session(port)]);
  await Promise.all(sessions.map(async (talk) => readPart(streaming(talk, 'big', { bytes: 6000 }))));
  assert.ok(surface.stats().keptBytes <= 10_000);
  const bobs = await session(port, '2025-11-25', { Authorization: `Bearer ${BOB}` });
  const { events } = await readPart(streaming(bobs, 'big', { bytes: 6000 }));
  assert.equal((await readPart(resuming(bobs, events[0]?.id ?? ''))).events.length, 2);
});

test('with resume_time at nothing answers have no ids and cannot be resumed', async (t) => {
  const { port } = await listener(t, { settings: testSettings({ bounds: { resumeMs: 0 } }) });
  const talk = await session(port);
  const { events } = await readPart(streaming(talk, 'echo', {}));
  assert.deepEqual(events.map(({ id }) => id), [undefined]);
});

test('nothing is kept of sessions that have ended', async (t) => {
  const { port, surface } = await listener(t);
  const talk = await session(port);
  await readPart(streaming(talk, 'big', { bytes: 6000 }));
  const running = await openStream(streaming(talk, 'hang', {}, 2));
  await running.until('data: ');
  assert.ok(surface.stats().keptBytes > 6000);
  await ask({ ...talk.with({}), method: 'DELETE' });
  await running.ended;
  await eventually(() => surface.stats().keptBytes === 0 && surface.stats().exchanges === 0, 'all was given back');
});

test('what was missed is not copied for each who asks for it and reads nothing', async (t) => {
  const { port, surface } = await listener(t, { settings: testSettings({ bounds: { resumeBytes: 1 << 22, resumeTotalBytes: 1 << 24 } }) });
  const talk = await session(port);
  const { events } = await readPart(streaming(talk, 'big', { bytes: 1 << 20 }));
  const before = process.memoryUsage().arrayBuffers;
  const readers = await Promise.all(Array.from({ length: 60 }, async () => {
    const stream = await openStream(resuming(talk, events[0]?.id ?? ''));
    stream.pause();
    return stream;
  }));
  const more = process.memoryUsage().arrayBuffers - before;
  assert.ok(more < 30 << 20, `${more} bytes more`);
  assert.ok(readers.every(({ status }) => status === 200));
  for (const reader of readers) reader.cut();
  await eventually(() => surface.stats().connections === 0, 'all are gone');
  assert.equal((await readPart(resuming(talk, events[0]?.id ?? ''))).events.length, 2, 'it can still be read');
});
