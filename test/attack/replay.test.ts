// Resumption turned against its sessions: ids that are foreign, forged or from the future, streams of others, and readers that make the
// gateway keep more than it may.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BOB } from '../surfaces/fake-ingress.ts';
import { broken, eventsIn, lastId, messagesIn, progressOf, readPart, resumed, resuming, streaming } from '../surfaces/resume-client.ts';
import { testSettings } from '../surfaces/settings.ts';
import { errorOf, listener, session } from '../surfaces/speak.ts';
import { ask, eventually, openStream } from '../surfaces/wire.ts';

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

test('one principal keeps a quarter of all at most: the streams of others can still be resumed', async (t) => {
  const { port, surface } = await listener(t, { settings: testSettings({ bounds: { resumeBytes: 30_000, resumeTotalBytes: 40_000 } }) });
  const sessions = await Promise.all([session(port), session(port), session(port)]);
  await Promise.all(sessions.map(async (talk) => readPart(streaming(talk, 'big', { bytes: 6000 }))));
  assert.ok(surface.stats().keptBytes <= 10_000);
  const bobs = await session(port, '2025-11-25', { Authorization: `Bearer ${BOB}` });
  const { events } = await readPart(streaming(bobs, 'big', { bytes: 6000 }));
  assert.equal((await readPart(resuming(bobs, events[0]?.id ?? ''))).events.length, 2);
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

test('an answer that was never read is not given up for one that comes later; both are counted when they do not fit', async (t) => {
  const { port, surface } = await listener(t, { settings: testSettings({ bounds: { resumeBytes: 40_000, resumeTotalBytes: 400_000 } }) });
  const talk = await session(port);
  // Long enough for the server to see that its reader has gone, before it writes the answer to nobody.
  const first = await broken(talk, { steps: 60 }, 200, 'first');
  await eventually(() => surface.stats().exchanges === 0, 'it was answered without a reader');
  const later = await readPart(streaming(talk, 'big', { bytes: 39_000 }, 'later'));
  assert.equal((await resumed(talk, later.events[0]?.id ?? '')).status, 400);
  assert.match(messagesIn((await readPart(resuming(talk, lastId(first.events)))).events).at(-1) ?? '', /"id":"first"/);
  assert.ok(surface.stats().hits.resume > 0);
});
