import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createBackend } from '../../src/backends/create.ts';
import { type AskOptions } from '../../src/backends/stdio/pending.ts';
import { Peer } from '../../src/backends/stdio/peer.ts';
import type { Question } from '../../src/core/capabilities.ts';
import { backendId } from '../../src/core/ids.ts';
import { RELATED_TASK } from '../../src/relay/tasks.ts';
import { type Json, ScriptedHttp, type Script } from '../fixtures/backends/scripted-http.ts';
import { curious } from './curious.ts';
import { httpSettings, io, json, permit, recorded, until } from './support.ts';
import { FakeTime } from './time.ts';

const FORM = { message: 'Your PIN?', requestedSchema: { type: 'object', properties: {} } } as const;
const OF_ALICE = { ...FORM, _meta: { [RELATED_TASK]: { taskId: 'job-1' } } } as const;
const CREATED = { task: { taskId: 'job-1', status: 'working', createdAt: '2026-11-21T00:00:00Z', lastUpdatedAt: '2026-11-21T00:00:00Z', ttl: 60_000 } };

/** A child behind a peer, without a process. */
class Talk {
  readonly time = new FakeTime();
  readonly sent: Record<string, unknown>[] = [];
  readonly orphans: string[] = [];
  readonly peer: Peer;
  readonly asked: string[] = [];
  readonly logged: string[] = [];

  constructor() {
    this.peer = new Peer(
      { ...this.time, stdinBytes: 1_000_000, settings: { id: backendId('peer'), asks: { elicitation: true, sampling: false, roots: false }, roots: [] }, events: recorded().deps.events, log: () => undefined },
      { write: (line) => this.sent.push(JSON.parse(line)) > 0, listChanged() {}, updated() {}, completed() {}, noise() {}, unreadable() {}, unsolicited() {}, orphaned: (task) => this.orphans.push(task) },
    );
  }

  /** A request for somebody; returns its id. */
  begin(owner: string, over: Partial<NonNullable<AskOptions['serving']>> = {}, signal?: AbortSignal): number {
    void this.peer.ask('tools/call', () => json({}), {
      timeoutMs: 5_000_000, maxTimeoutMs: 5_000_000, signal, onProgress: undefined, resultBytes: 100_000, cancellable: true,
      serving: {
        owner, task: undefined, begins: false,
        ask: async () => {
          this.asked.push(owner);
          return Promise.resolve({ kind: 'result', raw: json({ action: 'accept', content: {} }) });
        },
        log: () => void this.logged.push(owner),
        ...over,
      },
    });
    return Number(this.sent.at(-1)?.['id']);
  }

  says(message: Json): void {
    this.peer.receive(Buffer.from(JSON.stringify(message)));
  }

  asks(params: Json): void {
    this.says({ jsonrpc: '2.0', id: `q${this.sent.length}`, method: 'elicitation/create', params });
  }

  logs(params: Json = { level: 'info', data: 'x' }): void {
    this.says({ jsonrpc: '2.0', method: 'notifications/message', params });
  }

  answers(id: number, result: Json): void {
    this.says({ jsonrpc: '2.0', id, result });
  }
}

describe('a task that works in the background', () => {
  test('is a doubt for what names nobody, from the very message on that tells of it: its agent alone hears [T91, T101]', () => {
    const talk = new Talk();
    const id = talk.begin('alice', { begins: true });
    talk.begin('bob');
    talk.answers(id, CREATED);
    talk.asks(FORM);
    talk.logs();
    assert.deepEqual([talk.asked, talk.logged], [[], []]);
  });

  test('and none for its own agent', () => {
    const talk = new Talk();
    talk.answers(talk.begin('alice', { begins: true }), { resultType: 'task', ...CREATED.task });
    talk.begin('alice');
    talk.asks(FORM);
    talk.logs();
    assert.deepEqual([talk.asked, talk.logged], [['alice'], ['alice']]);
  });

  const ends: Record<string, (talk: Talk) => void> = {
    'its result was given': (talk) => talk.answers(talk.begin('alice', { task: 'job-1' }), { content: [] }),
    'its backend says so when it is looked at': ({ peer }) => peer.heardOf({ verb: 'get', task: 'job-1' }, { kind: 'result', raw: json({ taskId: 'job-1', status: 'failed' }) }),
    'its backend says so unasked': (talk) => talk.says({ jsonrpc: '2.0', method: 'notifications/tasks/status', params: { taskId: 'job-1', status: 'completed' } }),
    'it was cancelled': ({ peer }) => peer.heardOf({ verb: 'cancel', task: 'job-1' }, { kind: 'result', raw: json({ taskId: 'job-1', status: 'cancelled' }) }),
    'a cancel was acknowledged, and time has passed': ({ peer, time }) => {
      peer.heardOf({ verb: 'cancel', task: 'job-1' }, { kind: 'result', raw: json({ resultType: 'complete' }) });
      time.pass(600_000);
    },
    'nobody has heard of it for an hour': ({ time }) => time.pass(3_600_000),
  };
  for (const [how, end] of Object.entries(ends)) {
    test(`is none any more when ${how}`, () => {
      const talk = new Talk();
      talk.answers(talk.begin('alice', { begins: true }), CREATED);
      talk.peer.heardOf({ verb: 'get', task: 'job-1' }, { kind: 'result', raw: json({ taskId: 'job-1', status: 'working', ttl: 99_999_999 }) });
      talk.begin('bob');
      talk.asks(FORM);
      assert.deepEqual(talk.asked, []);
      end(talk);
      talk.asks(FORM);
      assert.deepEqual(talk.asked, ['bob']);
    });
  }

  test('a message that names it is of whoever waits for its end, and of nobody else', () => {
    const talk = new Talk();
    talk.begin('bob');
    talk.asks(OF_ALICE);
    talk.logs({ level: 'info', data: 'x', _meta: OF_ALICE._meta });
    assert.deepEqual([talk.asked, talk.logged], [[], []]);
    talk.begin('alice', { task: 'job-1' });
    talk.asks(OF_ALICE);
    talk.logs({ level: 'info', data: 'x', _meta: OF_ALICE._meta });
    assert.deepEqual([talk.asked, talk.logged], [['alice'], ['alice']]);
  });

  test('one id for two principals, and more of them than are kept: nobody is asked', () => {
    const two = new Talk();
    for (const owner of ['alice', 'bob']) two.answers(two.begin(owner, { begins: true }), CREATED);
    two.begin('bob');
    two.asks(FORM);
    assert.deepEqual(two.asked, []);
    const many = new Talk();
    for (let n = 0; n < 1025; n += 1) many.answers(many.begin('alice', { begins: true }), { task: { ...CREATED.task, taskId: `job-${n}` } });
    many.begin('alice');
    many.asks(FORM);
    assert.deepEqual(many.asked, []);
  });

  test('that comes as the late answer to a call that was given up is cancelled, and is a doubt until then', () => {
    const talk = new Talk();
    const stop = new AbortController();
    const id = talk.begin('alice', { begins: true }, stop.signal);
    stop.abort('agent');
    talk.answers(id, CREATED);
    talk.begin('bob');
    talk.asks(FORM);
    assert.deepEqual([talk.orphans, talk.asked], [['job-1'], []]);
    const plain = new AbortController();
    const other = talk.begin('alice', { begins: true }, plain.signal);
    plain.abort('agent');
    talk.answers(other, { content: [] });
    assert.deepEqual(talk.orphans, ['job-1']);
  });
});

for (const flags of [[], ['--modern']]) {
  test(`a child whose late answer is a task is told that nobody wants it (${flags.join() || 'legacy'})`, { timeout: 60_000 }, async () => curious(flags, {}, async (run) => {
    const stop = new AbortController();
    const hanging = run.backend.call(permit('do', { what: 'hang' }, { task: { taker: 'agent', ttlMs: undefined } }), io({ signal: stop.signal }));
    await until(() => run.backend.status().inflight === 1, 'in flight');
    stop.abort('agent');
    await hanging;
    await run.does({ what: 'release', as: flags.length === 0 ? CREATED : { resultType: 'task', ...CREATED.task } });
    assert.match((await run.seen()).join('\n'), /^tasks\/cancel .*"taskId":"job-1"/m);
  }));
}

describe('a question over HTTP that names another\'s task', { timeout: 60_000 }, () => {
  async function askedOf(say: (asked: Parameters<Script['asked']>[0], peer: ScriptedHttp) => void): Promise<{ readonly asked: Question[]; readonly logged: string[]; readonly refused: readonly string[] }> {
    const peer = await new ScriptedHttp({
      asked: (asked, self) => {
        if (asked.method !== 'tools/call') return false;
        const params = Object(asked.params['arguments']);
        if (params.begin === true) asked.answer(CREATED);
        else {
          void until(() => self.streams.size > 0, 'stream').then(() => say(asked, self)).then(() => until(() => self.reply('q') !== undefined, 'a reply')).then(() => asked.answer({ content: [] }));
        }
        return true;
      },
    }).start();
    const recording = recorded();
    const backend = createBackend(httpSettings(peer.url), recording.deps);
    backend.start();
    const asked: Question[] = [];
    const logged: string[] = [];
    try {
      await until(() => backend.status().state === 'ready', 'ready');
      const alice = permit('do', { begin: true }, { principal: { ...permit('do').call.principal, subject: 'alice' }, task: { taker: 'agent', ttlMs: undefined } });
      const begun = await backend.call(alice, io());
      assert.ok(begun.ok && begun.value.kind === 'task', JSON.stringify(begun));
      await backend.call(permit('do', {}), io({
        onLog: (params) => logged.push(params),
        ask: async (question) => {
          asked.push(question);
          return Promise.resolve({ kind: 'result', raw: json({ action: 'accept', content: {} }) });
        },
      }));
    } finally {
      await backend.stop();
      await peer.stop();
      recording.watchdog.close();
    }
    return { asked, logged, refused: recording.refused };
  }
  const QUESTION = { jsonrpc: '2.0', id: 'q', method: 'elicitation/create', params: OF_ALICE } as const;
  const NOBODY = { asked: [], logged: [], refused: ['unattributed'] };

  test('is put to nobody who has the only call in flight, on the stream of the session', async () => {
    assert.deepEqual(await askedOf((_, self) => self.announce(QUESTION)), NOBODY);
  });

  test('nor on the stream of that very call; log lines neither', async () => {
    assert.deepEqual(await askedOf((asked) => {
      asked.say({ jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: 'x', _meta: OF_ALICE._meta } });
      asked.say(QUESTION);
    }), NOBODY);
  });

  test('nor, without a name, on the stream of the session while that task works', async () => {
    assert.deepEqual(await askedOf((_, self) => self.announce({ ...QUESTION, params: FORM })), NOBODY);
  });
});
