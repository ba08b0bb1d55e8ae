import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BACKEND_LIMITS, type BackendLimits } from '../../src/backends/deps.ts';
import { Follows, type UpdateLine } from '../../src/backends/follows.ts';
import { Listening } from '../../src/backends/listening.ts';
import type { RawJson } from '../../src/core/json/scan.ts';
import { err, ok } from '../../src/core/result.ts';
import { json } from './support.ts';
import { FakeTime } from './time.ts';

class Line implements UpdateLine {
  readonly said: string[] = [];
  readonly refuses: (uri: string) => boolean;

  constructor(refuses: (uri: string) => boolean = () => false) {
    this.refuses = refuses;
  }

  add(uri: string): ReturnType<UpdateLine['add']> {
    this.said.push(`+${uri}`);
    return Promise.resolve(this.refuses(uri) ? err({ code: 'protocol', detail: 'no' }) : ok(undefined));
  }

  drop(uri: string): void {
    this.said.push(`-${uri}`);
  }
}

function world(limits: Partial<BackendLimits> = {}): { readonly time: FakeTime; readonly follows: Follows; readonly line: Line; readonly heard: string[]; follow(uri: string, as?: string): Promise<() => void> } {
  const time = new FakeTime();
  const follows = new Follows({ timers: time.timers, limits: { ...BACKEND_LIMITS, relistMs: 10, ...limits } });
  const line = new Line((uri) => uri.includes('secret'));
  const heard: string[] = [];
  follows.attach(line);
  const follow = async (uri: string, as = ''): Promise<() => void> => {
    const followed = await follows.follow(uri, (changed) => heard.push(`${as}${changed}`));
    assert.ok(followed.ok, JSON.stringify(followed));
    return followed.value;
  };
  return { time, follows, line, heard, follow };
}

describe('who follows which resource', () => {
  test('T116: many followers are one subscription, which ends with the last of them', async () => {
    const { line, follow } = world();
    const undos = [await follow('mem://a'), await follow('mem://a'), await follow('mem://b')];
    assert.deepEqual(line.said, ['+mem://a', '+mem://b']);
    undos[0]?.();
    undos[0]?.();
    assert.deepEqual(line.said.length, 2);
    undos[1]?.();
    assert.deepEqual(line.said.at(-1), '-mem://a');
    undos[2]?.();
    assert.deepEqual(line.said.at(-1), '-mem://b');
  });

  test('T115: a part of a resource is told to who follows the whole, a namesake is not', async () => {
    const { time, follows, heard, follow } = world();
    await follow('mem://x');
    for (const uri of ['mem://x/y', 'mem://x#z', 'mem://x?q', 'mem://xy', 'mem://', 'mem://x.bak']) {
      follows.updated(uri);
      time.pass(10);
    }
    assert.deepEqual(heard, ['mem://x/y', 'mem://x#z', 'mem://x?q']);
  });

  test('T118: after a new link everything is asked for again, and everybody is told once', async () => {
    const { time, follows, heard, follow } = world();
    await follow('mem://a', '1:');
    await follow('mem://a', '2:');
    await follow('mem://b', '3:');
    follows.attach(undefined);
    const next = new Line();
    follows.attach(next);
    assert.deepEqual(next.said, ['+mem://a', '+mem://b']);
    await time.passes(10);
    follows.updated('mem://a');
    await time.passes(10);
    assert.deepEqual(heard, ['1:mem://a', '2:mem://a', '3:mem://b', '1:mem://a', '2:mem://a']);
  });

  test('T118: a storm of updates is one per window', async () => {
    const { time, follows, heard, follow } = world();
    await follow('mem://a');
    for (let n = 0; n < 1_000; n += 1) follows.updated(n % 2 === 0 ? 'mem://a' : `mem://a/${n}`);
    time.pass(10);
    assert.deepEqual(heard, ['mem://a']);
    assert.equal(time.waiting, 0);
  });

  test('more different parts than anybody can tell of are the whole', async () => {
    const { time, follows, heard, follow } = world();
    await follow('mem://a');
    for (let n = 0; n < 10_000; n += 1) follows.updated(`mem://a/${n}`);
    time.pass(10);
    assert.deepEqual(heard, ['mem://a']);
  });

  test('what the backend refuses is not followed, and not taken for followed by the next', async () => {
    const { time, follows, heard, line } = world();
    for (let n = 0; n < 2; n += 1) {
      const refused = await follows.follow('mem://secret', (uri) => heard.push(uri));
      assert.deepEqual(refused, { ok: false, error: { code: 'protocol', detail: 'no' } });
    }
    follows.updated('mem://secret');
    time.pass(10);
    assert.deepEqual(heard, []);
    assert.deepEqual(line.said, ['+mem://secret', '-mem://secret', '+mem://secret', '-mem://secret']);
  });

  test('without a link nothing can be followed; its bounds hold', async () => {
    const { follows, follow } = world({ followedUris: 2, followers: 3 });
    await follow('mem://a');
    await follow('mem://b');
    assert.deepEqual(await follows.follow('mem://c', () => undefined), { ok: false, error: { code: 'queue_full', limit: 2 } });
    let sent = 0;
    await follows.follow('mem://a', () => undefined, () => void (sent += 1));
    assert.equal(sent, 0, 'asked for already');
    assert.deepEqual(await follows.follow('mem://a', () => undefined), { ok: false, error: { code: 'queue_full', limit: 3 } });
    follows.attach(undefined);
    const gone = await follows.follow('mem://a', () => undefined);
    assert.ok(!gone.ok && gone.error.code === 'not_ready');
  });

  test('a follower that leaves while it is told is told no more', async () => {
    const { time, follows, heard } = world();
    const undos: (() => void)[] = [];
    for (const name of ['1', '2']) {
      const followed = await follows.follow('mem://a', () => {
        heard.push(name);
        for (const undo of undos) undo();
      });
      assert.ok(followed.ok);
      undos.push(followed.value);
    }
    follows.updated('mem://a');
    time.pass(10);
    assert.deepEqual(heard, ['1']);
  });
});

interface Stream {
  readonly filter: Record<string, unknown>;
  readonly signal: AbortSignal;
  agree(uris?: readonly string[]): Promise<void>;
  end(how: 'ended' | 'refused'): Promise<void>;
}

const NONE = { tools: false, prompts: false, resources: false };
const turn = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function listening(changes = NONE): { readonly time: FakeTime; readonly line: Listening; readonly streams: Stream[]; readonly missed: () => number; readonly begun: () => number } {
  const time = new FakeTime();
  const streams: Stream[] = [];
  let missed = 0;
  let begun = 0;
  const line = new Listening({
    deps: { timers: time.timers, limits: { ...BACKEND_LIMITS, relistMs: 10, probeMs: 100 } },
    changes,
    missed: () => {
      missed += 1;
    },
    begun: () => {
      begun += 1;
    },
    open: async (params, acknowledged: (params: RawJson) => void, signal) => {
      const filter: Record<string, unknown> = JSON.parse(params).notifications;
      const { promise, resolve } = Promise.withResolvers<'ended' | 'refused'>();
      signal.addEventListener('abort', () => resolve('ended'));
      streams.push({
        filter, signal,
        agree: async (uris) => {
          acknowledged(json({ notifications: { ...filter, ...(uris === undefined ? {} : { resourceSubscriptions: uris }) } }));
          await turn();
        },
        end: async (how) => {
          resolve(how);
          await turn();
        },
      });
      return promise;
    },
  });
  return { time, line, streams, missed: () => missed, begun: () => begun };
}

describe('the stream on which a modern backend tells of changes', () => {
  test('asks for the lists that change, or for nothing', async () => {
    const silent = listening();
    silent.line.start();
    await silent.time.passes(1_000);
    assert.equal(silent.streams.length, 0);
    const loud = listening({ tools: true, prompts: false, resources: true });
    loud.line.start();
    await loud.time.passes(10);
    assert.deepEqual(loud.streams.map(({ filter }) => filter), [{ toolsListChanged: true, resourcesListChanged: true }]);
  });

  test('a URI that was not agreed on and is wanted again at once is asked for again: nobody waits for ever', async () => {
    const { time, line, streams } = listening({ tools: true, prompts: false, resources: false });
    line.start();
    const first = line.add('mem://x');
    await time.passes(10);
    await streams[0]?.agree([]);
    assert.equal((await first).ok, false);
    line.drop('mem://x');
    const second = line.add('mem://x');
    await time.passes(10);
    await streams[1]?.agree([]);
    assert.equal(await Promise.race([second.then(({ ok: agreed }) => agreed), turn().then(() => 'waits')]), false);
  });

  test('is one for all URIs, opened anew before the old one is closed', async () => {
    const { time, line, streams } = listening({ tools: true, prompts: false, resources: false });
    line.start();
    const first = [line.add('mem://a'), line.add('mem://b')];
    await time.passes(10);
    await streams[0]?.agree();
    assert.ok((await Promise.all(first)).every((agreed) => agreed.ok));
    const third = line.add('mem://c');
    await time.passes(10);
    assert.deepEqual(streams[1]?.filter, { toolsListChanged: true, resourceSubscriptions: ['mem://a', 'mem://b', 'mem://c'] });
    assert.equal(streams[0]?.signal.aborted, false, 'the old one was closed before the new one was there');
    await streams[1].agree();
    assert.ok((await third).ok);
    assert.deepEqual(streams.map(({ signal }) => signal.aborted), [true, false]);
    assert.ok((await line.add('mem://a')).ok);
    line.drop('mem://c');
    await time.passes(10);
    assert.deepEqual(streams[2]?.filter['resourceSubscriptions'], ['mem://a', 'mem://b']);
    await streams[2].agree();
    line.drop('mem://a');
    line.drop('mem://b');
    await time.passes(10);
    assert.deepEqual(streams[3]?.filter, { toolsListChanged: true });
  });

  test('what was not agreed is an error and not asked for again; the rest goes on', async () => {
    const { time, line, streams } = listening();
    const [good, bad] = [line.add('mem://a'), line.add('mem://secret')];
    await time.passes(10);
    await streams[0]?.agree(['mem://a']);
    assert.ok((await good).ok);
    assert.ok(!(await bad).ok);
    const worse = line.add('mem://worse');
    await time.passes(10);
    assert.deepEqual(streams[1]?.filter['resourceSubscriptions'], ['mem://a', 'mem://worse']);
    await streams[1].end('refused');
    assert.ok(!(await worse).ok);
    assert.equal(streams[0]?.signal.aborted, false, 'the stream that was agreed on was lost');
    await time.passes(10_000);
    assert.equal(streams.length, 2);
  });

  test('a refused URI does not cost the lists', async () => {
    const { time, line, streams } = listening({ tools: true, prompts: false, resources: false });
    const bad = line.add('mem://secret');
    await time.passes(10);
    await streams[0]?.end('refused');
    assert.ok(!(await bad).ok);
    await time.passes(10);
    assert.deepEqual(streams[1]?.filter, { toolsListChanged: true });
  });

  test('says when it is first there, because a list may have changed since it was read, and only then', async () => {
    const { time, line, streams, begun } = listening({ tools: true, prompts: false, resources: false });
    line.start();
    await time.passes(10);
    assert.equal(begun(), 0);
    await streams[0]?.agree();
    assert.equal(begun(), 1);
    await streams[0]?.end('ended');
    await time.passes(1_000);
    await time.passes(10);
    await streams[1]?.agree();
    assert.deepEqual([streams.length, begun()], [2, 1]);
  });

  test('T118: is opened again when it ends, with growing pauses, and says that something may have been missed', async () => {
    const { time, line, streams, missed } = listening({ tools: true, prompts: false, resources: false });
    line.start();
    await time.passes(10);
    await streams[0]?.agree();
    assert.equal(missed(), 0);
    await streams[0]?.end('ended');
    for (const pause of [1_000, 2_000, 4_000]) {
      const before = streams.length;
      await time.passes(pause - 1);
      assert.equal(streams.length, before);
      await time.passes(1);
      await time.passes(10);
      assert.equal(streams.length, before + 1);
      assert.equal(missed(), 0);
      if (pause < 4_000) await streams.at(-1)?.end('ended');
    }
    await streams.at(-1)?.agree();
    assert.equal(missed(), 1);
  });

  test('a backend that knows no such stream is not asked again; one that never agrees is listened to, and follows nothing', async () => {
    const unknown = listening({ tools: true, prompts: false, resources: false });
    unknown.line.start();
    await unknown.time.passes(10);
    await unknown.streams[0]?.end('refused');
    await unknown.time.passes(100_000);
    assert.equal(unknown.streams.length, 1);
    const silent = listening({ tools: true, prompts: false, resources: false });
    const followed = silent.line.add('mem://a');
    await silent.time.passes(10);
    await silent.time.passes(100);
    assert.ok(!(await followed).ok);
    assert.equal(silent.streams[0]?.signal.aborted, false);
  });

  test('a link that is gone settles who waits, and leaves no stream', async () => {
    const { time, line, streams } = listening();
    const waits = line.add('mem://a');
    await time.passes(10);
    line.close();
    assert.deepEqual(await waits, { ok: false, error: { code: 'stopped' } });
    await streams[0]?.agree();
    assert.equal(streams[0]?.signal.aborted, true);
    assert.ok(!(await line.add('mem://b')).ok);
  });
});
