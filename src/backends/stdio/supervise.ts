// A stdio backend: keeps one child alive within the restart rules and lets admitted calls through to it (B1–B11, CI5, CI7).
import type { ToolCall } from '../../core/call.ts';
import type { BackendId } from '../../core/ids.ts';
import type { Permit } from '../../core/permit.ts';
import type { Backend, BackendFault, BackendListing, BackendStatus, CallIo } from '../../core/ports.ts';
import { err, ok, type Result } from '../../core/result.ts';
import type { StdioBackendSettings } from '../../core/settings.ts';
import { admittedCall } from '../admitted.ts';
import { judgeAnswer } from '../answer.ts';
import { Attempt, Nap } from '../attempt.ts';
import { Backoff } from '../backoff.ts';
import { sleep } from '../deadline.ts';
import type { BackendDeps } from '../deps.ts';
import { callParams } from '../params.ts';
import { SingleFlight } from '../single-flight.ts';
import { StatusCell } from '../status.ts';
import { connect, listen, listTools, type Live } from './conversation.ts';
import { planLaunch, resolveProgram } from './launch.ts';
import type { EraPlan } from './negotiate.ts';
import type { Asked } from './peer.ts';
import { StdioSession } from './session.ts';

const LISTEN_AGAIN_MS = 1_000;
const STOPPED: BackendFault = { code: 'stopped' };

class StdioBackend implements Backend {
  readonly id: BackendId;
  readonly #settings: StdioBackendSettings;
  readonly #deps: BackendDeps;
  readonly #status: StatusCell;
  readonly #backoff: Backoff;
  readonly #relist: SingleFlight;
  #program: string | undefined;
  /** A legacy verdict and when it was reached; asked again after a time, for backends get upgraded. */
  #legacySince: number | undefined;
  #session: StdioSession | undefined;
  #live: Live | undefined;
  readonly #attempt = new Attempt();
  readonly #nap: Nap;
  #loop: Promise<void> | undefined;
  #stopping = false;

  constructor(settings: StdioBackendSettings, deps: BackendDeps) {
    this.id = settings.id;
    this.#settings = settings;
    this.#deps = deps;
    this.#status = new StatusCell(settings.id, 'stdio', deps);
    this.#nap = new Nap(deps.timers);
    const { backoffBaseMs, backoffCapMs, stableMs } = deps.limits;
    this.#backoff = new Backoff(
      { baseMs: backoffBaseMs, capMs: backoffCapMs, stableMs, maxRestarts: settings.maxRestarts, windowMs: settings.restartWindowMs },
      () => deps.random.float(),
    );
    this.#relist = new SingleFlight(deps.timers, deps.limits.relistMs, async () => {
      await this.#list(this.#live);
    });
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#relist.close();
    this.#nap.wake();
    this.#live = undefined;
    await this.#session?.stop();
    await this.#loop;
    this.#status.become('stopped');
  }

  listing(): BackendListing | undefined {
    return this.#status.listing;
  }

  status(): BackendStatus {
    return this.#status.view();
  }

  async call(permit: Permit, io: CallIo): Promise<Asked> {
    const admitted = admittedCall(permit, this.id);
    if (!admitted.ok) return admitted;
    this.#status.inflight += 1;
    try {
      const live = this.#live ?? (await this.#waitReady(io.signal));
      return live === undefined ? err(this.#stopping ? STOPPED : this.#status.absent(io.signal)) : await this.#send(live, admitted.value, io);
    } finally {
      this.#status.inflight -= 1;
    }
  }

  async #send(live: Live, call: ToolCall, io: CallIo): Promise<Asked> {
    const { timeoutMs, maxTimeoutMs, resultBytes } = this.#settings;
    const { random } = this.#deps;
    const asked = await live.session.peer.ask('tools/call', (id) => callParams(call, live.envelope, id, random), {
      timeoutMs, maxTimeoutMs, resultBytes, signal: io.signal, onProgress: call.wantsProgress ? io.onProgress : undefined, cancellable: true,
    });
    const judged = asked.ok ? judgeAnswer(asked.value, live.link.era) : asked;
    if (!judged.ok) this.#status.fault(judged.error);
    return judged;
  }

  /** A child that is being started is worth waiting for; one that waits to be started again is not. */
  async #waitReady(signal: AbortSignal): Promise<Live | undefined> {
    if (this.#stopping || signal.aborted) return undefined;
    this.start();
    await this.#attempt.settled(this.#deps.timers, signal, this.#settings.timeoutMs);
    return signal.aborted ? undefined : this.#live;
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      const began = this.#deps.clock.mono();
      const fault = await this.#liveOnce();
      if (this.#stopping) return;
      if (!this.#settings.restart) return this.#status.become('failed', fault);
      const now = this.#deps.clock.mono();
      const verdict = this.#backoff.next(now, now - began);
      // Not for good: what crashes it may come from an agent, who could then take it from all others by five bad calls.
      this.#status.become(verdict.kind === 'give_up' ? 'failed' : 'backing_off', fault);
      await this.#nap.sleep(verdict.afterMs);
      if (verdict.kind === 'give_up') this.#backoff.resumed(this.#deps.clock.mono());
      if (!this.#stopping) this.#status.restarts += 1;
    }
  }

  /** From spawn to the end of the child; the fault it ended with. */
  async #liveOnce(): Promise<BackendFault> {
    this.#attempt.begin();
    this.#status.become('starting');
    const opened = await this.#open();
    if (!opened.ok) this.#status.startFailed();
    this.#attempt.finish();
    if (!opened.ok) return opened.error;
    const fault = await opened.value.session.ended;
    this.#status.pid = undefined;
    return fault;
  }

  async #open(): Promise<Result<Live, BackendFault>> {
    const plan = this.#eraPlan();
    const first = await this.#openAs(plan);
    // Some servers exit on a first message they do not know: that is an answer too, and costs one more process (CI1).
    const died = !first.ok && plan === 'auto' && first.error.code === 'exited' && !this.#stopping;
    const second = died ? await this.#openAs('legacy') : first;
    if (!second.ok) return first;
    const live = second.value;
    if (plan === 'auto') this.#legacySince = live.link.era === 'legacy' ? this.#deps.clock.mono() : undefined;
    this.#live = live;
    this.#status.become('ready');
    if (live.link.era === 'modern' && live.link.listChanged) void this.#listen(live);
    return second;
  }

  #eraPlan(): EraPlan {
    if (this.#settings.era !== 'auto' || this.#legacySince === undefined) return this.#settings.era;
    return this.#deps.clock.mono() - this.#legacySince < this.#deps.limits.eraHorizonMs ? 'legacy' : 'auto';
  }

  async #openAs(plan: EraPlan): Promise<Result<Live, BackendFault>> {
    if (this.#stopping) return err({ code: 'stopped' });
    const spawned = this.#spawn();
    if (!spawned.ok) return err({ code: 'spawn_failed', detail: spawned.error });
    const session = spawned.value;
    this.#session = session;
    this.#status.pid = session.pid;
    const live = await connect(session, plan, this.#settings, this.#deps);
    const fault = live.ok ? await this.#list(live.value) : live.error;
    if (live.ok && fault === undefined && !this.#stopping) return live;
    session.fail(fault ?? { code: 'stopped' });
    const ended = await session.ended;
    this.#status.pid = undefined;
    return err(ended);
  }

  #spawn(): Result<StdioSession, string> {
    const { gatewayEnv, stateDir, watchdog } = this.#deps;
    const program = this.#program === undefined ? resolveProgram(this.#settings.command, gatewayEnv) : ok(this.#program);
    if (!program.ok) return program;
    this.#program = program.value;
    const marker = watchdog.mark();
    const unmarked = (why: string): void => this.#log('warn', 'children go without their second mark: one that leaves its group and its environment may outlive the gateway', why);
    const plan = planLaunch({ settings: this.#settings, program: program.value, stateDir, gatewayEnv, marker, platform: process.platform, unmarked });
    if (!plan.ok) return plan;
    const child = this.#deps.spawn(plan.value);
    if (!child.ok) return child;
    watchdog.watch(child.value.pid);
    const session: StdioSession = new StdioSession(child.value, marker, this.#settings, this.#deps, {
      toolsChanged: () => this.#relist.request(),
      noise: () => this.#status.noise(),
      lost: (fault) => this.#lost(session, fault),
    });
    return ok(session);
  }

  #lost(session: StdioSession, fault: BackendFault): void {
    if (this.#live?.session !== session || this.#stopping) return;
    this.#live = undefined;
    this.#status.become('backing_off', fault);
  }

  /** Undefined: the list is known now. */
  async #list(live: Live | undefined): Promise<BackendFault | undefined> {
    if (live === undefined) return undefined;
    const listed = await listTools(live, this.#settings, this.#deps);
    if (!listed.ok) {
      this.#log('warn', 'tools/list failed', 'detail' in listed.error ? listed.error.detail : listed.error.code);
      return listed.error;
    }
    for (const note of listed.value.notes) this.#log('warn', 'tools/list', note);
    this.#status.listed(live.link, listed.value.tools);
    return undefined;
  }

  /** Modern servers announce changes only on a stream that was asked for; it is asked for again when it ends (CI5). */
  async #listen(live: Live): Promise<void> {
    while (this.#live === live) {
      const ended = await listen(live);
      if (ended === 'refused') return;
      if (this.#live === live) await Promise.race([sleep(this.#deps.timers, LISTEN_AGAIN_MS), live.session.ended]);
    }
  }

  #log(level: 'info' | 'warn', event: string, text: string): void {
    this.#deps.log({ backend: this.id, level, event, text });
  }
}

export function createStdioBackend(settings: StdioBackendSettings, deps: BackendDeps): Backend {
  return new StdioBackend(settings, deps);
}
