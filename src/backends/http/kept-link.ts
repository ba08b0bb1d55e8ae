// The link to one HTTP backend: made in the era it speaks, watched, renewed when it is lost; with its lists and what is followed there.
// Sends no calls.
import type { BackendFault } from '../../core/ports.ts';
import { err, ok, type Result } from '../../core/result.ts';
import type { HttpBackendSettings } from '../../core/settings.ts';
import { Attempt, Nap } from '../attempt.ts';
import { Backoff } from '../backoff.ts';
import { settlesWithin } from '../deadline.ts';
import type { BackendDeps } from '../deps.ts';
import { EraVerdict } from '../era.ts';
import { Follows } from '../follows.ts';
import type { StatusCell } from '../status.ts';
import { connect, type ConnectInput, type HttpLink, SESSION_LOST } from './connect.ts';
import { HttpConversation } from './conversation.ts';
import { egressRules, literalProblem } from './egress.ts';
import { HealthWatch } from './health.ts';
import { KeptLists } from './kept-lists.ts';
import { type Announcements, announcements } from './stream.ts';

const STOPPED: BackendFault = { code: 'stopped' };
const STREAM_MS = 500;

export class KeptLink {
  readonly conversation: HttpConversation;
  readonly follows: Follows;
  readonly lists: KeptLists;
  readonly input: ConnectInput;
  readonly #settings: HttpBackendSettings;
  readonly #deps: BackendDeps;
  readonly #status: StatusCell;
  readonly #backoff: Backoff;
  readonly #attempt = new Attempt();
  readonly #nap: Nap;
  readonly #verdict: EraVerdict;
  readonly #health: HealthWatch;
  #live: HttpLink | undefined;
  #told: Announcements | undefined;
  /** Why the link that was has ended, where the watch did not find it. */
  #cause: BackendFault | undefined;
  #loop: Promise<void> | undefined;
  #ended: Promise<void> | undefined;
  #stopping = false;

  constructor(settings: HttpBackendSettings, deps: BackendDeps, status: StatusCell) {
    this.#settings = settings;
    this.#deps = deps;
    this.#status = status;
    this.#nap = new Nap(deps.timers);
    this.#verdict = new EraVerdict(settings.era, deps.clock, deps.limits.eraHorizonMs);
    const { backoffBaseMs: baseMs, backoffCapMs: capMs, stableMs } = deps.limits;
    this.#backoff = new Backoff({ baseMs, capMs, stableMs, maxRestarts: 0, windowMs: 0 }, () => deps.random.float());
    this.follows = new Follows(deps);
    this.conversation = new HttpConversation(settings, deps, {
      listChanged: () => this.lists.changed(),
      updated: (uri) => this.follows.updated(uri),
      completed: (elicitation) => deps.events.completed(elicitation),
      noise: () => this.#status.noise(),
    });
    this.input = { conversation: this.conversation, settings, deps };
    this.lists = new KeptLists(this.input, status, {
      live: () => this.#live,
      forgotten: (link) => this.lose(link, SESSION_LOST),
    });
    this.#health = new HealthWatch(this.input, this.#verdict, this.#nap);
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#ended ??= this.#end();
    return this.#ended;
  }

  async #end(): Promise<void> {
    this.#stopping = true;
    this.lists.close();
    this.follows.close();
    const manner = this.#live?.manner;
    this.#live = undefined;
    this.#nap.wake();
    await this.conversation.close(STOPPED, manner);
    await this.#loop;
    this.#status.become('stopped');
  }

  /** The link of now, or of the attempt that is under way. */
  async ready(signal: AbortSignal): Promise<Result<HttpLink, BackendFault>> {
    if (this.#live === undefined && !this.#stopping && !signal.aborted) {
      this.start();
      await this.#attempt.settled(this.#deps.timers, signal, this.#settings.timeoutMs);
    }
    if (this.#stopping) return err(STOPPED);
    return this.#live === undefined || signal.aborted ? err(this.#status.absent(signal)) : ok(this.#live);
  }

  /** A call failed in a way that makes one ask whether the backend is there. */
  doubt(): void {
    this.#health.doubt();
  }

  /** This link is of no use any more; a new one is opened at once. */
  lose(live: HttpLink, fault?: BackendFault): void {
    if (this.#live !== live) return;
    this.#live = undefined;
    // Whoever calls now waits for the new link rather than being refused.
    this.#attempt.begin();
    this.#status.become('starting', fault);
    this.#nap.wake();
  }

  async #run(): Promise<void> {
    const problem = literalProblem(egressRules(this.#settings));
    if (problem !== undefined) return this.#status.become('failed', { code: 'unreachable', detail: problem });
    this.#attempt.begin();
    this.#status.become('starting');
    while (!this.#stopping) {
      const began = this.#deps.clock.mono();
      const fault = await this.#once();
      if (this.#stopping) break;
      this.#status.restarts += 1;
      // A lost session is opened again at once; trouble is given time.
      if (fault === undefined) continue;
      this.#status.become('backing_off', fault);
      const now = this.#deps.clock.mono();
      const verdict = this.#backoff.next(now, now - began);
      if (verdict.kind === 'again') await this.#nap.sleep(verdict.afterMs);
    }
    this.#attempt.finish();
    return undefined;
  }

  /** From one connection to its end. Undefined: connect again at once. */
  async #once(): Promise<BackendFault | undefined> {
    const opened = await this.#open();
    if (!opened.ok) this.#status.startFailed();
    this.#attempt.finish();
    if (!opened.ok) return opened.error;
    const live = opened.value;
    const watched = await this.#health.watch(live, () => this.#live === live);
    if (watched.kind === 'renew') this.lose(live, watched.fault);
    if (this.#live === live) this.#live = undefined;
    this.#release(live);
    return watched.kind === 'down' ? watched.fault : this.#cause;
  }

  async #open(): Promise<Result<HttpLink, BackendFault>> {
    const { plan } = this.#verdict;
    const linked = await connect(this.input, plan);
    const fault = linked.ok ? await this.#prepare(linked.value) : linked.error;
    if (fault !== undefined) this.#verdict.forget();
    if (linked.ok && (fault !== undefined || this.#stopping)) this.#release(linked.value);
    if (!linked.ok || fault !== undefined) return err(fault ?? STOPPED);
    if (this.#stopping) return err(STOPPED);
    this.#verdict.found(plan, linked.value.link.era);
    this.#begin(linked.value);
    return linked;
  }

  /** The stream first, then the lists: what changes in between is heard. */
  async #prepare(live: HttpLink): Promise<BackendFault | undefined> {
    this.lists.fresh();
    this.#told = announcements(this.input, live, {
      missed: () => {
        this.lists.changed();
        this.follows.missed();
      },
      begun: () => this.lists.changed(),
      doubt: () => this.doubt(),
    });
    // What is asked before the stream is there is lost, and some servers wait for the answer. Others send no header before they have news.
    await settlesWithin(this.#deps.timers, this.#told.opened, STREAM_MS);
    return this.#stopping ? STOPPED : this.lists.read(live);
  }

  #begin(live: HttpLink): void {
    this.#live = live;
    this.#health.trust();
    this.#cause = undefined;
    this.follows.attach(this.#told?.line);
    void live.line?.closed.then(({ fault }) => this.#cut(live, fault));
    this.#status.become('ready');
    this.lists.begun();
  }

  #release(live: HttpLink): void {
    this.follows.attach(undefined);
    this.#told?.close();
    this.#told = undefined;
    live.line?.close();
  }

  /** The stream a link lived on is gone. A server that closes it at once is not asked again at once. */
  #cut(live: HttpLink, fault: BackendFault): void {
    if (this.#live !== live) return;
    this.#cause = fault;
    this.#live = undefined;
    this.#nap.wake();
  }
}
