// One child that is kept alive within the restart rules, greeted in the era it speaks, with its lists (B1–B11, CI5, CI7). Sends no calls.
import type { BackendFault } from '../../core/ports.ts';
import { err, ok, type Result } from '../../core/result.ts';
import type { StdioBackendSettings } from '../../core/settings.ts';
import { Attempt, Nap } from '../attempt.ts';
import { Backoff } from '../backoff.ts';
import type { BackendDeps } from '../deps.ts';
import { type EraPlan, EraVerdict } from '../era.ts';
import { Follows } from '../follows.ts';
import { Listening } from '../listening.ts';
import { SingleFlight } from '../single-flight.ts';
import type { StatusCell } from '../status.ts';
import { wholeText } from '../text.ts';
import { cancelTask, connect, listen, type Live, readAll, subscriptions } from './conversation.ts';
import type { StdioSession } from './session.ts';
import { ChildStart } from './start.ts';

const STOPPED: BackendFault = { code: 'stopped' };

export class KeptChild {
  readonly follows: Follows;
  readonly #settings: StdioBackendSettings;
  readonly #deps: BackendDeps;
  readonly #status: StatusCell;
  readonly #backoff: Backoff;
  readonly #relist: SingleFlight;
  readonly #verdict: EraVerdict;
  readonly #starts: ChildStart;
  #session: StdioSession | undefined;
  #live: Live | undefined;
  #listening: Listening | undefined;
  readonly #attempt = new Attempt();
  readonly #nap: Nap;
  #loop: Promise<void> | undefined;
  #stopping = false;

  constructor(settings: StdioBackendSettings, deps: BackendDeps, status: StatusCell) {
    this.#settings = settings;
    this.#deps = deps;
    this.#status = status;
    this.#starts = new ChildStart(settings, deps);
    this.follows = new Follows(deps);
    this.#nap = new Nap(deps.timers);
    this.#verdict = new EraVerdict(settings.era, deps.clock, deps.limits.eraHorizonMs);
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
    this.#unlisten();
    this.follows.close();
    await this.#session?.stop();
    await this.#loop;
    this.#status.become('stopped');
  }

  /** A child that is being started is worth waiting for; one that waits to be started again is not. */
  async ready(signal: AbortSignal): Promise<Result<Live, BackendFault>> {
    if (this.#live === undefined && !this.#stopping && !signal.aborted) {
      this.start();
      await this.#attempt.settled(this.#deps.timers, signal, this.#settings.timeoutMs);
    }
    if (this.#stopping) return err(STOPPED);
    return this.#live === undefined || signal.aborted ? err(this.#status.absent(signal)) : ok(this.#live);
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
    const { plan } = this.#verdict;
    const first = await this.#openAs(plan);
    // Some servers exit on a first message they do not know: that is an answer too, and costs one more process (CI1).
    const died = !first.ok && plan === 'auto' && first.error.code === 'exited' && !this.#stopping;
    const second = died ? await this.#openAs('legacy') : first;
    if (!second.ok) {
      this.#verdict.forget();
      return first;
    }
    const live = second.value;
    this.#verdict.found(plan, live.link.era);
    this.#live = live;
    this.#status.become('ready');
    this.#listen(live);
    return second;
  }

  async #openAs(plan: EraPlan): Promise<Result<Live, BackendFault>> {
    if (this.#stopping) return err({ code: 'stopped' });
    const spawned: Result<StdioSession, string> = this.#starts.start({
      listChanged: () => this.#relist.request(),
      updated: (uri) => this.follows.updated(uri),
      completed: (elicitation) => this.#deps.events.completed(elicitation),
      orphaned: (task) => {
        if (spawned.ok && this.#live?.session === spawned.value) this.#abandon(this.#live, task);
      },
      noise: () => this.#status.noise(),
      lost: (fault) => {
        if (spawned.ok) this.#lost(spawned.value, fault);
      },
    });
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

  #lost(session: StdioSession, fault: BackendFault): void {
    if (this.#live?.session !== session || this.#stopping) return;
    this.#live = undefined;
    this.#unlisten();
    this.#status.become('backing_off', fault);
  }

  /** Undefined: the list is known now. */
  async #list(live: Live | undefined): Promise<BackendFault | undefined> {
    if (live === undefined) return undefined;
    const listed = await readAll(live, this.#settings, this.#deps);
    if (!listed.ok) {
      this.#log('warn', 'listing failed', wholeText(listed.error));
      return listed.error;
    }
    for (const note of listed.value.notes) this.#log('warn', 'listing', note);
    this.#status.listed(live.link, listed.value.lists);
    return undefined;
  }

  /** Modern servers tell of changes only on a stream that was asked for; legacy ones of each resource by itself (CI5). */
  #listen(live: Live): void {
    if (live.link.era === 'legacy') return this.follows.attach(live.link.offers.subscribe ? subscriptions(live, this.#settings) : undefined);
    const listening = new Listening({
      deps: this.#deps,
      changes: live.link.changes,
      open: async (params, acknowledged, signal) => listen(live, params, acknowledged, signal),
      begun: () => this.#relist.request(),
      missed: () => {
        this.#relist.request();
        this.follows.missed();
      },
    });
    this.#listening = listening;
    listening.start();
    return this.follows.attach(live.link.offers.subscribe ? listening : undefined);
  }

  /** Its agent was told that the call has ended: nobody would ever look at it, or stop it. */
  #abandon(live: Live, task: string): void {
    this.#log('info', 'task', 'a call that was given up had become a task: it is cancelled');
    void cancelTask(live, task, this.#settings);
  }

  #unlisten(): void {
    this.follows.attach(undefined);
    this.#listening?.close();
    this.#listening = undefined;
  }

  #log(level: 'info' | 'warn', event: string, text: string): void {
    this.#deps.log({ backend: this.#settings.id, level, event, text });
  }
}
