import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { members } from '../../src/core/json/slice.ts';
import type { Backend, BackendAnswer, BackendFault } from '../../src/core/ports.ts';
import type { StdioBackendSettings } from '../../src/core/settings.ts';
import type { BackendLimits } from '../../src/backends/deps.ts';
import { resolveProgram } from '../../src/backends/stdio/program.ts';
import { createStdioBackend } from '../../src/backends/stdio/supervise.ts';
import { io, isAlive, permit, recorded, type Recorded, secret, stdioSettings, textOf, until } from './support.ts';

interface Running extends Recorded {
  readonly backend: Backend;
  ready(): Promise<void>;
  call(tool: string, args?: unknown): Promise<BackendAnswer>;
  fails(tool: string, args?: unknown): Promise<BackendFault>;
  text(tool: string, args?: unknown): Promise<string>;
}

async function running(flags: readonly string[], settings: Partial<StdioBackendSettings>, limits: Partial<BackendLimits>, body: (running: Running) => Promise<void>, gatewayEnv: Record<string, string | undefined> = process.env): Promise<void> {
  const recording = recorded(limits, { gatewayEnv });
  const backend = createStdioBackend(stdioSettings(flags, { stopMs: 1_000, ...settings }), recording.deps);
  const call = async (tool: string, args?: unknown): Promise<BackendAnswer> => {
    const result = await backend.call(permit(tool, args), io());
    assert.ok(result.ok, JSON.stringify(result));
    return result.value;
  };
  const self: Running = {
    ...recording,
    backend,
    ready: async () => until(() => backend.status().state === 'ready', `ready: ${JSON.stringify(backend.status())}`),
    call,
    fails: async (tool, args) => {
      const result = await backend.call(permit(tool, args), io());
      assert.ok(!result.ok, JSON.stringify(result));
      return result.error;
    },
    text: async (tool, args) => {
      const answer = await call(tool, args);
      assert.equal(answer.kind, 'result');
      return answer.kind === 'result' ? textOf(answer.raw) : '';
    },
  };
  backend.start();
  try {
    await body(self);
  } finally {
    await backend.stop();
    recording.watchdog.close();
  }
}

const seen = async (run: Running): Promise<string> => run.text('seen');
const spawns = (run: Running): number => run.changes.filter((status) => status.state === 'starting').length;

describe('which era a child speaks', { timeout: 60_000, concurrency: true }, () => {
  for (const code of [-32601, -32000, -32602]) {
    test(`T63: ${code} to server/discover leads to initialize, on the same process [CI1]`, async () => running([`--discover-error=${code}`], {}, {}, async (run) => {
      await run.ready();
      assert.equal(run.backend.listing()?.era, 'legacy');
      assert.equal(await seen(run), 'server/discover initialize notifications/initialized tools/list tools/call');
      assert.equal(spawns(run), 1);
    }));
  }

  test('T63: silence leads to initialize, on the same process [CI1]', async () => running(['--silent-discover'], {}, { probeMs: 100 }, async (run) => {
    await run.ready();
    assert.equal(await seen(run), 'server/discover initialize notifications/initialized tools/list tools/call');
  }));

  test('T63: a child that dies of the unknown message is started once more, for initialize only [CI1]', async () => running(['--dies-unknown'], {}, {}, async (run) => {
    await run.ready();
    assert.equal(await seen(run), 'initialize notifications/initialized tools/list tools/call');
    assert.equal(run.backend.status().restarts, 0, 'the probe must not count as a restart');
    await run.fails('crash');
    await run.ready();
    assert.equal(await seen(run), 'initialize notifications/initialized tools/list tools/call', 'the verdict was not remembered');
  }));

  test('T69: after its time the verdict is asked for again', async () => running(['--discover-error=-32601'], {}, { eraHorizonMs: 0 }, async (run) => {
    await run.ready();
    await run.fails('crash');
    await until(() => run.backend.status().restarts === 1 && run.backend.status().state === 'ready', 'back');
    assert.match(await seen(run), /^server\/discover initialize/);
  }));

  test('T64: -32022 with a version in common is retried at that version, without initialize [C4]', async () => running(['--era=modern', '--refuse-version'], {}, {}, async (run) => {
    await run.ready();
    assert.equal(run.backend.listing()?.era, 'modern');
    assert.match(await seen(run), /^server\/discover server\/discover tools\/list/);
  }));

  test('a pinned era is never probed', async () => {
    await running([], { era: 'legacy' }, {}, async (run) => {
      await run.ready();
      assert.match(await seen(run), /^initialize /);
    });
    await running(['--era=modern'], { era: 'modern' }, {}, async (run) => {
      await run.ready();
      assert.doesNotMatch(await seen(run), /initialize/);
    });
  });

  test('an unknown revision is refused, one of 2024 is served [CH12]', async () => {
    await running(['--version=1999-01-01'], { maxRestarts: 1 }, {}, async (run) => {
      await until(() => run.backend.status().state === 'failed', 'failed');
      assert.equal(run.backend.status().lastFault?.code, 'protocol');
    });
    await running(['--version=2024-11-05'], {}, {}, async (run) => run.ready());
  });

  test('a server without tools is ready and has none', async () => running(['--no-tools'], {}, {}, async (run) => {
    await run.ready();
    assert.deepEqual(run.backend.listing()?.tools, []);
  }));
});

describe('what a child sends', { timeout: 60_000, concurrency: true }, () => {
  test('C5, C9: every page is read, the one behind an empty cursor too [C9]', async () => running(['--pages=5'], {}, {}, async (run) => {
    await run.ready();
    assert.equal(run.backend.listing()?.tools.length, 24);
  }));

  test('C9: a cursor that comes twice, or pages without end, end the list [C9]', async () => {
    await running(['--cursor-loop'], {}, {}, async (run) => {
      await run.ready();
      assert.equal(run.backend.listing()?.tools.length, 2);
      assert.ok(run.log.some((line) => /twice/.test(line.text ?? '')));
    });
    await running(['--endless'], {}, { listPages: 7 }, async (run) => {
      await run.ready();
      assert.ok(run.log.some((line) => /7 pages/.test(line.text ?? '')));
    });
  });

  test('a malformed tool costs itself only', async () => running(['--bad-tools'], {}, {}, async (run) => {
    await run.ready();
    assert.equal(run.backend.listing()?.tools.length, 24);
    assert.equal(run.log.filter((line) => /left out/.test(line.text ?? '')).length, 3);
  }));

  test('C7, C8: a request with the id of a pending call is answered, and is not its answer', async () => running([], {}, {}, async (run) => {
    await run.ready();
    const replies = await Promise.all(['ping', 'ask'].map(async (tool) => {
      const answer = await run.call(tool);
      return answer.kind === 'result' ? String(members(answer.raw)?.get('structuredContent')) : '';
    }));
    assert.match(replies[0] ?? '', /"result\\":\{\}/);
    assert.match(replies[1] ?? '', /-32601/);
  }));

  test('T80: a modern server gets no answer to a request of its own [CI2]', async () => running(['--era=modern'], { timeoutMs: 300, maxTimeoutMs: 300 }, {}, async (run) => {
    await run.ready();
    assert.equal((await run.fails('ping')).code, 'timeout');
    assert.ok(run.backend.status().noise > 0);
  }));

  test('C11, C18: answers with foreign ids settle nothing [C11]', async () => running([], {}, {}, async (run) => {
    await run.ready();
    assert.equal(await run.text('wrongid'), 'the right one');
    assert.equal(run.backend.status().noise, 2);
  }));

  test('T73: unknown result types, and input_required without anything asked, are protocol faults; complete is not', async () => running(['--era=modern'], {}, {}, async (run) => {
    await run.ready();
    assert.match(JSON.stringify(await run.fails('type', { n: 0 })), /unknown resultType zzz/);
    assert.match(JSON.stringify(await run.fails('type', { n: 1 })), /input_required with nothing to do/);
    await run.call('type', { n: 2 });
  }));

  test('T79: garbage lines are dropped and counted, the call is answered [CI8]', async () => running(['--banner'], {}, {}, async (run) => {
    await run.ready();
    assert.equal(await run.text('garbage', { lines: 5 }), 'after the garbage');
    // The banner, five lines, one of invalid UTF-8; the empty line is nobody's fault.
    assert.equal(run.backend.status().noise, 7);
    assert.equal(run.backend.status().state, 'ready');
  }));

  test('an answer that cannot be read fails its own call at once, wherever its id stands, and is counted as noise', async () => running([], { timeoutMs: 60_000, maxTimeoutMs: 60_000 }, {}, async (run) => {
    await run.ready();
    for (const [args, detail] of [[{ at: 0, how: 0 }, /not JSON \(syntax/], [{ at: 0, how: 1 }, /not JSON \(/], [{ at: 0, how: 2 }, /not JSON \(/], [{ at: 1 }, /not JSON \(syntax/], [{ at: 2 }, /not UTF-8/]] as const) {
      const { noise } = run.backend.status();
      const other = run.text('slow', { ms: 200 });
      const fault = await run.fails('torn', args);
      assert.ok(fault.code === 'protocol', fault.code);
      assert.match(fault.detail, detail);
      assert.equal(run.backend.status().noise, noise + 1);
      assert.equal(await other, 'late', 'nobody else is touched');
    }
    assert.equal(await run.text('torn', { at: 3 }), 'whole', 'the id of a request of its own is not ours');
    assert.equal(run.backend.status().state, 'ready');
  }));

  test('T79: too much garbage replaces the child [CI8]', async () => running([], {}, { noiseStrikes: 10 }, async (run) => {
    await run.ready();
    const { pid } = run.backend.status();
    assert.equal((await run.fails('garbage', { lines: 1_000 })).code, 'protocol');
    await until(() => run.backend.status().state === 'ready' && run.backend.status().pid !== pid, 'replaced');
    assert.equal(run.backend.status().restarts, 1);
  }));

  test('I11: a line without end is skipped within bounded memory [CI8]', async () => running([], { timeoutMs: 400, maxTimeoutMs: 400, resultBytes: 10_000 }, { lineBytes: 10_000 }, async (run) => {
    await run.ready();
    const before = process.memoryUsage.rss();
    assert.equal((await run.fails('huge', { bytes: 100_000_000 })).code, 'timeout');
    await until(() => run.backend.status().noise > 0, 'the line was counted');
    assert.ok(process.memoryUsage.rss() - before < 80_000_000, 'the line was kept');
    assert.equal(await run.text('big', { bytes: 10 }), 'x'.repeat(10));
  }));

  test('an answer above the line bound fails its own call at once', async () => running([], { resultBytes: 10_000 }, { lineBytes: 10_000 }, async (run) => {
    await run.ready();
    assert.deepEqual(await run.fails('big', { bytes: 50_000 }), { code: 'oversize', limit: 10_000 });
  }));

  test('I12: a flood of notifications rests on the pipe, calls still work [CI8]', async () => running([], {}, { unsolicitedPerSecond: 500 }, async (run) => {
    await run.ready();
    assert.equal(await run.text('flood', { n: 3_000 }), 'flooded');
    assert.equal(await run.text('big', { bytes: 1 }), 'x');
  }));

  test('I13: a flood on stderr blocks nothing, and the log is bounded [CI6]', async () => running([], {}, { stderrLinesPerSecond: 5 }, async (run) => {
    await run.ready();
    assert.equal(await run.text('stderr', { kb: 2_000 }), 'loud');
    await run.backend.stop();
    const lines = run.log.filter((line) => line.event === 'stderr');
    assert.ok(lines.length >= 5 && lines.length < 50, String(lines.length));
    assert.ok(lines.some((line) => /lines were left out/.test(line.text ?? '')));
  }));

  test('B13: a child that stops reading makes its calls fail, and freezes nobody', async () => running([], { timeoutMs: 300, maxTimeoutMs: 300 }, { stdinBytes: 200_000 }, async (run) => {
    await run.ready();
    await run.text('deaf');
    const ends = await Promise.all(Array.from({ length: 30 }, async () => {
      let sent = 0;
      const result = await run.backend.call(permit('echo', { pad: 'x'.repeat(50_000) }), io({ sent: () => void (sent += 1) }));
      return `${result.ok ? 'ok' : result.error.code}, sent ${sent} times`;
    }));
    assert.deepEqual(new Set(ends), new Set(['timeout, sent 1 times', 'queue_full, sent 0 times']));
  }));
});

describe('starting, restarting, stopping', { timeout: 60_000, concurrency: true }, () => {
  test('B8: max_restarts restarts, no more, then failed [CI5]', async () => running(['--crash-start=5'], { maxRestarts: 3, era: 'legacy' }, { backoffBaseMs: 2 }, async (run) => {
    await until(() => run.backend.status().state === 'failed', 'failed');
    assert.equal(spawns(run), 4);
    assert.equal(run.backend.status().restarts, 3);
    assert.match(JSON.stringify(run.backend.status().lastFault), /exit code 5/);
    const fault = await run.fails('echo');
    assert.equal(fault.code, 'not_ready');
  }));

  test('B7: restart = false is honoured', async () => running([], { restart: false }, {}, async (run) => {
    await run.ready();
    await run.fails('crash');
    await until(() => run.backend.status().state === 'failed', 'failed');
    assert.equal(spawns(run), 1);
  }));

  test('failed is not for good: when the window has room it is started again', async () => running([], { maxRestarts: 1, restartWindowMs: 6_000, era: 'legacy' }, { backoffBaseMs: 2 }, async (run) => {
    await run.ready();
    await run.fails('crash');
    await until(() => spawns(run) === 2 && run.backend.status().state === 'ready', 'restarted');
    await run.fails('crash');
    await until(() => run.backend.status().state === 'failed', 'failed');
    await until(() => spawns(run) === 3 && run.backend.status().state === 'ready', 'ready again');
  }));

  test('a program that does not exist is a spawn fault', async () => running([], { command: '/nonexistent/program', maxRestarts: 1 }, { backoffBaseMs: 2 }, async (run) => {
    await until(() => run.backend.status().state === 'failed', 'failed');
    assert.deepEqual(run.backend.status().lastFault, { code: 'spawn_failed', detail: '/nonexistent/program is not an executable file' });
  }));

  test('a child that never answers fails the handshake within its time; a call during the start waits', async () => running(['--never'], { handshakeMs: 500, maxRestarts: 1 }, { probeMs: 50 }, async (run) => {
    const result = await run.fails('echo');
    assert.equal(result.code, 'not_ready');
    await until(() => run.backend.status().state === 'failed', 'failed');
    assert.equal(run.backend.status().lastFault?.code, 'timeout');
  }));

  test('a call while the child is starting waits for it', async () => running([], {}, {}, async (run) => {
    assert.equal(run.backend.status().state, 'starting');
    assert.equal(await run.text('big', { bytes: 2 }), 'xx');
  }));

  test('B9: one that ignores EOF and SIGTERM is killed with its group [CI4]', async () => running(['--ignore-eof', '--ignore-term'], { stopMs: 150 }, {}, async (run) => {
    await run.ready();
    const { pid } = run.backend.status();
    await run.backend.stop();
    assert.ok(pid !== undefined && !isAlive(pid));
  }));

  test('B12: stopping during the start leaves nothing behind', async () => running(['--never', '--ignore-eof'], { stopMs: 100 }, {}, async (run) => {
    await until(() => run.backend.status().pid !== undefined, 'spawned');
    const { pid } = run.backend.status();
    await run.backend.stop();
    assert.equal(run.backend.status().state, 'stopped');
    assert.ok(pid !== undefined && !isAlive(pid));
  }));

  for (const how of ['stop', 'crash'] as const) {
    test(`H12: a grandchild in a session of its own does not outlive a ${how} [SEC25]`, async () => running([], {}, {}, async (run) => {
      await run.ready();
      const pid = Number(await run.text('survivor'));
      assert.ok(isAlive(pid));
      if (how === 'stop') await run.backend.stop();
      else await run.fails('crash');
      await until(() => !isAlive(pid), 'the survivor is gone');
    }));

    test(`H12: nor does one with an empty environment, a session of its own and no parent outlive a ${how}`, async () => running([], {}, {}, async (run) => {
      await run.ready();
      const pid = Number(await run.text('survivor', { hidden: 1 }));
      assert.equal(readFileSync(`/proc/${pid}/environ`, 'utf8').includes('SENTINEL'), false, 'it carries no marker: the test would prove nothing');
      if (how === 'stop') await run.backend.stop();
      else await run.fails('crash');
      await until(() => !isAlive(pid), 'the survivor is gone');
    }));
  }
});

describe('what a child is given', { timeout: 60_000, concurrency: true }, () => {
  test('H04, T82: the allow-list, its own secrets, and nothing of the gateway [CI9, SEC25]', async () => {
    const gatewayEnv = {
      PATH: process.env['PATH'], HOME: '/root', LANG: 'C.UTF-8', LC_ALL: 'C.UTF-8', USER: 'canary-user', JWT_SECRET_KEY: 'canary-jwt', SENTINEL_TOKEN: 'canary-token',
      DATABASE_URL: 'canary-db', NODE_OPTIONS: '--max-old-space-size=99', LD_PRELOAD: 'canary-preload', PASSED: 'on',
    };
    await running([], { env: { API_KEY: secret('its-own-secret') }, envPassthrough: ['PASSED', 'SENTINEL_TOKEN', 'ABSENT'] }, {}, async (run) => {
      await run.ready();
      const { pid } = run.backend.status();
      const environ = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\u0000').filter((entry) => entry !== '');
      const names = environ.map((entry) => entry.split('=', 1)[0]).sort();
      assert.deepEqual(names, ['API_KEY', 'HOME', 'LANG', 'LC_ALL', 'PASSED', 'PATH', 'SENTINEL_BACKEND_RUN', 'TERM', 'TMPDIR']);
      assert.doesNotMatch(environ.join('\n'), /canary/);
      const home = environ.find((entry) => entry.startsWith('HOME='))?.slice(5) ?? '';
      assert.ok(home.startsWith(run.deps.stateDir));
      assert.equal(statSync(home).mode & 0o777, 0o700);
      assert.equal(statSync(join(run.deps.stateDir, 'backends/peer')).mode & 0o777, 0o700);
    }, gatewayEnv);
  });

  test('an operator who names a HOME gets that HOME', async () => running([], { env: { HOME: secret('/srv/home') } }, {}, async (run) => {
    await run.ready();
    assert.match(await run.text('env'), /"HOME":"\/srv\/home"/);
  }));

  test('H01: arguments are literal, a shell never sees them [CI9, SEC25]', async () => {
    const words = ['$(touch pwned)', '; touch pwned', '| cat', '`touch pwned`', 'line\nbreak', '*', '~', '"\''];
    await running([], { args: ['-e', 'process.stdout.write(JSON.stringify(process.argv.slice(1)) + "\\n"); process.stderr.write(JSON.stringify(process.argv.slice(1)) + "\\n")', '--', ...words], maxRestarts: 1, era: 'legacy' }, {}, async (run) => {
      await until(() => run.log.some((line) => line.event === 'stderr'), 'its arguments');
      assert.equal(run.log.find((line) => line.event === 'stderr')?.text, JSON.stringify(words));
    });
  });

  test('H10: it inherits file descriptors 0, 1 and 2, nothing else [SEC26]', async (context) => {
    const listener = createServer().listen(0, '127.0.0.1');
    context.after(() => listener.close());
    // Open before the child starts, or it would have nothing to inherit.
    await once(listener, 'listening');
    await running([], { command: 'sleep', args: ['60'], era: 'legacy', stopMs: 50 }, {}, async (run) => {
      const pid = (): number => run.backend.status().pid ?? 0;
      // Behind the wrapper chain, which has opened nothing of its own.
      await until(() => pid() > 0 && readFileSync(`/proc/${pid()}/comm`, 'utf8') === 'sleep\n', 'sleep runs');
      // What the runner of this test left open lies under /dev/null.
      const given = (): readonly number[] => readdirSync(`/proc/${pid()}/fd`).filter((fd) => readlinkSync(`/proc/${pid()}/fd/${fd}`) !== '/dev/null').map(Number);
      // The loader has a library open for a moment; what was inherited would stay.
      await until(() => given().length <= 3, 'nothing else is open');
      assert.deepEqual(given(), [0, 1, 2]);
      assert.ok(listener.listening);
    });
  });

  test('H12: where file locks cannot be limited, as under gVisor, children start without that mark, and the log says so once', { skip: process.platform === 'linux' ? false : 'limits of Linux' }, async () => {
    const bin = mkdtempSync(join(tmpdir(), 'sentinel-prlimit-'));
    writeFileSync(join(bin, 'prlimit'), `#!/bin/sh
for word in "$@"; do case $word in --locks=*) echo 'prlimit: failed to set the FILE_LOCKS resource limit: Operation not permitted' >&2; exit 1;; esac; done
while [ "$1" != -- ]; do shift; done
shift
exec "$@"
`, { mode: 0o755 });
    const gatewayEnv = { ...process.env, PATH: `${bin}:${process.env['PATH'] ?? ''}` };
    const said: unknown[] = [];
    for (let n = 0; n < 2; n += 1) {
      await running([], {}, {}, async (run) => {
        await run.ready();
        said.push(...run.log.filter((line) => line.event.includes('second mark')).map((line) => `${line.level} ${line.text ?? ''}`));
      }, gatewayEnv);
    }
    assert.deepEqual(said, ['warn prlimit: failed to set the FILE_LOCKS resource limit: Operation not permitted']);
  });

  test('secrets of the child are masked in what it says on stderr [CI6]', async () => {
    const program = join(mkdtempSync(join(tmpdir(), 'sentinel-leak-')), 'leak.mjs');
    writeFileSync(program, 'console.error(`key=${process.env.API_KEY}`); process.exit(9)');
    await running([], { args: [program], env: { API_KEY: secret('very-secret-value') }, maxRestarts: 1, era: 'legacy' }, {}, async (run) => {
      await until(() => run.backend.status().lastFault !== undefined, 'a fault');
      assert.match(JSON.stringify(run.backend.status().lastFault), /exit code 9.*key=\[secret\]/);
      assert.doesNotMatch(JSON.stringify([run.log, run.changes]), /very-secret-value/);
    });
  });

  test('H03: programs are found on the absolute entries of PATH, once, never in the working directory [CI9]', () => {
    const here = mkdtempSync(join(tmpdir(), 'sentinel-path-'));
    writeFileSync(join(here, 'tool'), '#!/bin/sh\n', { mode: 0o755 });
    writeFileSync(join(here, 'plain'), 'no program', { mode: 0o644 });
    assert.deepEqual(resolveProgram('tool', { PATH: `:.:${here}` }), { ok: true, value: join(here, 'tool') });
    assert.equal(resolveProgram('plain', { PATH: here }).ok, false);
    assert.equal(resolveProgram('./tool', { PATH: here }).ok, false);
    assert.equal(resolveProgram('tool', { PATH: `:.:${here.slice(1)}` }).ok, false);
    assert.equal(resolveProgram('tool\u0000', { PATH: here }).ok, false);
  });
});
