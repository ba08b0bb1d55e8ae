// What every backend promises, whatever it speaks over. Run by the tests of each transport and era.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { backendId } from '../../src/core/ids.ts';
import { members } from '../../src/core/json/slice.ts';
import type { RawJson } from '../../src/core/json/scan.ts';
import type { Backend } from '../../src/core/ports.ts';
import { isAlive, io, permit, type Recorded, rawOf, textOf, toolCall, until } from './support.ts';

export interface Made {
  readonly backend: Backend;
  readonly recorded: Recorded;
  /** How many cancellations the far side has noticed. */
  cancellations(): Promise<number>;
  /** Makes the far side go away once; it comes back by itself. */
  crash(): Promise<void>;
  close(): Promise<void>;
}

const CANARY = 'agent-credential-canary';

export function backendContract(name: string, make: () => Promise<Made>): void {
  describe(`the contract of ${name}`, { timeout: 60_000 }, () => {
    let made: Made;
    let backend: Backend;
    const ready = async (): Promise<void> => until(() => backend.status().state === 'ready', 'ready');
    const answered = async (tool: string, args?: unknown, over: Parameters<typeof toolCall>[2] = {}): Promise<RawJson> => {
      const result = await backend.call(permit(tool, args, over), io());
      assert.ok(result.ok && result.value.kind === 'result', JSON.stringify(result));
      return result.value.raw;
    };

    before(async () => {
      made = await make();
      ({ backend } = made);
      assert.equal(backend.listing(), undefined);
      assert.equal(backend.status().state, 'idle');
      backend.start();
      backend.start();
      await ready();
    });
    after(async () => made.close());

    test('T75: the list is told once, its definitions byte for byte', () => {
      assert.equal(made.recorded.listings.length, 1);
      const listing = backend.listing();
      assert.deepEqual(listing, made.recorded.listings[0]);
      const echo = listing?.tools.find((tool) => members(tool)?.get('name') === '"echo"');
      assert.equal(members(echo ?? rawOf('{}'))?.get('x-vendor'), '{"kept":1}');
      assert.match(listing?.server ?? '', /misbehaving/);
      assert.equal(backend.status().tools, listing?.tools.length);
    });

    test('a call arrives under the original name, its arguments byte for byte', async () => {
      const args = rawOf('{"n":12345678901234567890,"z":1.0,"a":{"é":null,  "b":-0}}');
      const raw = await answered('echo', undefined, { args, exposed: 'other__name' });
      const line = String(Reflect.get(Object(Reflect.get(Object(JSON.parse(raw)), 'structuredContent')), 'line'));
      assert.ok(line.includes(args), line);
      assert.ok(line.includes('"name":"echo"'));
      assert.ok(!line.includes('other__name'));
      assert.ok(!line.includes(CANARY), 'the credential of the agent reached the backend');
    });

    test('a call says once that it goes out, and one that was taken back before does not', async () => {
      let sent = 0;
      const counted = (): void => void (sent += 1);
      await backend.call(permit('echo'), io({ sent: counted }));
      assert.equal(sent, 1);
      const gone = AbortSignal.abort('agent');
      assert.ok(!(await backend.call(permit('echo'), io({ signal: gone, sent: counted }))).ok);
      assert.equal(sent, 1);
    });

    test('a result comes back byte for byte', async () => {
      assert.ok((await answered('echo')).endsWith(',"x-vendor":[1]}'));
    });

    test('a tool that says it failed has answered', async () => {
      assert.equal(members(await answered('fail'))?.get('isError'), 'true');
    });

    test('a JSON-RPC error is an error, its message printable', async () => {
      const result = await backend.call(permit('refuse'), io());
      assert.deepEqual(result, { ok: true, value: { kind: 'error', code: -32050, message: 'no  such thing', data: '{"why":1}' } });
    });

    test('T102: progress reaches its own call only, in order, without the token', async () => {
      const seen: string[][] = [[], []];
      await Promise.all(seen.map(async (own) => {
        const result = await backend.call(permit('progress', { n: 5 }, { wantsProgress: true }), io({ onProgress: (params) => own.push(params) }));
        assert.ok(result.ok);
      }));
      const expected = [1, 2, 3, 4, 5].map((step) => `{"progress":${step},"total":5,"message":"step ${step}"}`);
      assert.deepEqual(seen, [expected, expected]);
    });

    test('T103: the last of a burst of progress is not lost on the way in', async () => {
      const values: unknown[] = [];
      await backend.call(permit('progress', { n: 120, ms: 0 }, { wantsProgress: true }), io({ onProgress: (params) => values.push(JSON.parse(params).progress) }));
      assert.equal(values.at(-1), 120);
    });

    test('a call that did not ask for progress has no token', async () => {
      let heard = 0;
      const result = await backend.call(permit('progress', { n: 2 }), io({ onProgress: () => { heard += 1; } }));
      assert.ok(result.ok);
      assert.equal(heard, 0);
    });

    test('T104: a cancelled call ends at once, and the backend is told [CH6, CI3]', async () => {
      const earlier = await made.cancellations();
      const stop = new AbortController();
      const call = backend.call(permit('never'), io({ signal: stop.signal }));
      await until(() => backend.status().inflight === 1, 'in flight');
      setTimeout(() => stop.abort(), 50);
      assert.deepEqual(await call, { ok: false, error: { code: 'cancelled' } });
      for (let n = 0; n < 100 && (await made.cancellations()) === earlier; n += 1) await new Promise((resolve) => setTimeout(resolve, 10));
      assert.equal(await made.cancellations(), earlier + 1);
    });

    test('a call that is cancelled already is never sent', async () => {
      assert.deepEqual(await backend.call(permit('crash'), io({ signal: AbortSignal.abort() })), { ok: false, error: { code: 'cancelled' } });
      assert.equal(backend.status().state, 'ready');
    });

    test('T81: a call without an answer times out, and the backend is told [C10]', async () => {
      const earlier = await made.cancellations();
      const result = await backend.call(permit('never'), io());
      assert.ok(!result.ok && result.error.code === 'timeout' && result.error.afterMs >= 800, JSON.stringify(result));
      for (let n = 0; n < 100 && (await made.cancellations()) === earlier; n += 1) await new Promise((resolve) => setTimeout(resolve, 10));
      assert.equal(await made.cancellations(), earlier + 1);
    });

    test('C10: progress keeps a slow call alive [C10]', async () => {
      const result = await backend.call(permit('progress', { n: 8, ms: 150 }, { wantsProgress: true }), io({ onProgress: () => undefined }));
      assert.ok(result.ok, JSON.stringify(result));
    });

    test('a result above the bound is refused, others are unaffected [SEC47]', async () => {
      const [big, small] = await Promise.all([backend.call(permit('big', { bytes: 200_000 }), io()), backend.call(permit('big', { bytes: 10 }), io())]);
      assert.deepEqual(big, { ok: false, error: { code: 'oversize', limit: 100_000 } });
      assert.ok(small.ok);
    });

    test('C14: a null result is a protocol fault at once, not a timeout', async () => {
      const result = await backend.call(permit('null'), io());
      assert.ok(!result.ok && result.error.code === 'protocol', JSON.stringify(result));
    });

    test('A35: parallel calls each get their own answer', async () => {
      const calls = await Promise.all(Array.from({ length: 40 }, async (_, n) => answered('echo', { nonce: `n${n}e` })));
      calls.forEach((raw, n) => assert.ok(raw.includes(`n${n}e`)));
    });

    test('T111: the trace goes on with a new span; a malformed one is dropped', async () => {
      const trace = { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', tracestate: 'v=1' };
      const { origin } = toolCall('echo');
      const good = await answered('echo', {}, { origin: { ...origin, trace }, meta: rawOf('{"com.example/k":1.50,"progressToken":"stolen"}') });
      assert.match(good, /00-4bf92f3577b34da6a3ce929d0e0e4736-(?!00f067aa0ba902b7)[0-9a-f]{16}-01/);
      assert.match(good, /com\.example\/k\\*":1\.50/);
      assert.doesNotMatch(good, /stolen/);
      assert.doesNotMatch(await answered('echo', {}, { origin: { ...origin, trace: { traceparent: 'nonsense', tracestate: undefined } } }), /traceparent/);
    });

    test('only a permit of the gateway for this very backend is accepted', async () => {
      const real = permit('echo');
      const forged: unknown[] = [{ ...real }, Object.create(real), structuredClone({ call: real.call, trail: [], revision: 1 }), undefined, permit('echo', {}, { target: { kind: 'tool', backend: backendId('other'), name: 'echo' } })];
      for (const value of forged) {
        // The type forbids it; the point is that a cast does not help.
        const result = await backend.call(value as ReturnType<typeof permit>, io());
        assert.ok(!result.ok && result.error.code === 'protocol' && result.error.detail.startsWith('refused'), JSON.stringify(result));
      }
    });

    test('a change of the list is read and told, many at once as one', async () => {
      const before = made.recorded.listings.length;
      await answered('add', { times: 20 });
      await until(() => made.recorded.listings.length > before, 'a new list');
      assert.ok(backend.listing()?.tools.some((tool) => members(tool)?.get('name') === '"extra1"'));
      await new Promise((resolve) => setTimeout(resolve, 100));
      assert.equal(made.recorded.listings.length, before + 1);
    });

    test('C05: a far side that goes away is a fault, the list stays known, and it comes back', async () => {
      const before = backend.listing();
      const waiting = backend.call(permit('never'), io());
      await until(() => backend.status().inflight === 1, 'in flight');
      await made.crash();
      const result = await waiting;
      assert.ok(!result.ok && ['exited', 'unreachable', 'protocol', 'timeout', 'not_ready'].includes(result.error.code), JSON.stringify(result));
      assert.ok(backend.listing()?.tools.length === before?.tools.length || backend.status().state === 'ready');
      await until(() => backend.status().state === 'ready', 'ready again');
      assert.equal(textOf(await answered('echo')), 'ok');
    });

    test('no credential of the agent appears in what was logged or told', () => {
      assert.ok(!JSON.stringify([made.recorded.log, made.recorded.changes, backend.status()]).includes(CANARY));
    });

    test('stopping ends calls in flight and is idempotent; nothing is accepted afterwards', async () => {
      const { pid } = backend.status();
      const waiting = backend.call(permit('never'), io());
      await until(() => backend.status().inflight === 1, 'in flight');
      await Promise.all([backend.stop(), backend.stop()]);
      assert.deepEqual(await waiting, { ok: false, error: { code: 'stopped' } });
      assert.equal(backend.status().state, 'stopped');
      assert.deepEqual(await backend.call(permit('echo'), io()), { ok: false, error: { code: 'stopped' } });
      assert.ok(pid === undefined || !isAlive(pid));
      await backend.stop();
    });
  });
}
