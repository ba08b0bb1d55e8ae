// The link to one HTTP backend: made in the era it speaks, watched, renewed when it is lost; with its lists and what is followed there.
// Sends no calls.
import type { ServedCall } from '../../core/call.ts';
import { toRaw } from '../../core/json/compose.ts';
import type { Mirror } from '../../core/mirrors.ts';
import type { BackendFault, CallIo } from '../../core/ports.ts';
import { err, ok, type Result } from '../../core/result.ts';
import type { HttpBackendSettings } from '../../core/settings.ts';
import { Attempt, Nap } from '../attempt.ts';
import { Backoff } from '../backoff.ts';
import { DAY_MS, settlesWithin } from '../deadline.ts';
import type { BackendDeps } from '../deps.ts';
import { EraVerdict } from '../era.ts';
import { Follows } from '../follows.ts';
import { SingleFlight } from '../single-flight.ts';
import type { StatusCell } from '../status.ts';
import { connect, type ConnectInput, discover, type HttpLink, list, say, SESSION_LOST } from './connect.ts';
import { HttpConversation } from './conversation.ts';
import { literalProblem } from './egress.ts';
import { ping } from './health.ts';
import { type Announcements, announcements } from './stream.ts';

const STOPPED: BackendFault = { code: 'stopped' };
/** Failing calls raise the question whether it is alive; asking costs a request. */
const SUSPECT_GAP_MS = 1_000;
const LEVEL_MS = 2_000;
const STREAM_MS = 500;

export class KeptLink {
  readonly conversation: HttpConversation;
  readonly follows: Follows;
  readonly #settings: HttpBackendSettings;
  readonly #deps: BackendDeps;
  readonly #input: ConnectInput;
  readonly #status: StatusCell;
  readonly #backoff: Backoff;
  readonly #relist: SingleFlight;
  readonly #attempt = new Attempt();
  readonly #nap: Nap;
  #mirrors: ReadonlyMap<string, readonly Mirror[]> = new Map();
  readonly #verdict: EraVerdict;
  #live: HttpLink | undefined;
  #told: Announcements | undefined;
  /** A list changed before there was a link to ask. */
  #stale = false;
  /** Why the link that was has ended, where the watch did not find it. */
  #cause: BackendFault | undefined;
  #suspect = false;
  #loop: Promise<void> | undefined;
  #ended: Promise<void> | undefined;
  #stopping = false;

  constructor(settings: HttpBackendSettings, deps: BackendDeps, status: StatusCell) {
    this.#settings = settings;
    this.#deps = deps;
    this.#status = status;
    this.#nap = new Nap(deps.timers);
    this.#verdict = new EraVerdict(settings.era, deps.clock, deps.limits.eraHorizonMs);
    const { backoffBaseMs: baseMs, backoffCapMs: capMs, stableMs, relistMs } = deps.limits;
    this.#backoff = new Backoff({ baseMs, capMs, stableMs, maxRestarts: 0, windowMs: 0 }, () => deps.random.float());
    this.#relist = new SingleFlight(deps.timers, relistMs, async () => {
      if (this.#live !== undefined) await this.list(this.#live);
    });
    this.follows = new Follows(deps);
    this.conversation = new HttpConversation(settings, deps, {
      listChanged: () => this.#changed(),
      updated: (uri) => this.follows.updated(uri),
      noise: () => this.#status.noise(),
    });
    this.#input = { conversation: this.conversation, settings, deps };
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
    this.#relist.close();
    this.follows.close();
    const manner = this.#live?.manner;
    this.#live = undefined;
    this.#nap.wake();
    await this.conversation.close(STOPPED, manner);
    await this.#loop;
    this.#status.become('stopped');
  }

  /** A legacy session is told how much to log. A backend that takes its time over it holds the call up only a little. */
  async setLevel({ link, manner, level: session }: HttpLink, call: ServedCall, io: CallIo): Promise<void> {
    const level = session.next(link, call, io);
    if (level === undefined) return;
    await settlesWithin(this.#deps.timers, say(this.#input, manner, 'logging/setLevel', toRaw({ level }), this.#deps.limits.lineBytes), LEVEL_MS);
  }

  /** `Mcp-Param-*` headers a tool asks for. */
  mirrorsOf(tool: string): readonly Mirror[] {
    return this.#mirrors.get(tool) ?? [];
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
    if (this.#suspect) return;
    this.#suspect = true;
    this.#nap.wake();
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
    const problem = literalProblem({ host: new URL(this.#settings.url).hostname.replaceAll(/^\[|\]$/g, ''), allowPrivate: this.#settings.allowPrivate });
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
    const fault = await this.#watch(live);
    if (this.#live === live) this.#live = undefined;
    this.#release(live);
    return fault ?? this.#cause;
  }

  async #open(): Promise<Result<HttpLink, BackendFault>> {
    const { plan } = this.#verdict;
    const linked = await connect(this.#input, plan);
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
    this.#stale = false;
    this.#told = announcements(this.#input, live, {
      missed: () => {
        this.#changed();
        this.follows.missed();
      },
      begun: () => this.#changed(),
      doubt: () => this.doubt(),
    });
    // What is asked before the stream is there is lost, and some servers wait for the answer. Others send no header before they have news.
    await settlesWithin(this.#deps.timers, this.#told.opened, STREAM_MS);
    return this.#stopping ? STOPPED : this.list(live);
  }

  #begin(live: HttpLink): void {
    this.#live = live;
    this.#suspect = false;
    this.#cause = undefined;
    this.follows.attach(this.#told?.line);
    void live.line?.closed.then(({ fault }) => this.#cut(live, fault));
    this.#status.become('ready');
    if (this.#stale) this.#relist.request();
  }

  #release(live: HttpLink): void {
    this.follows.attach(undefined);
    this.#told?.close();
    this.#told = undefined;
    live.line?.close();
  }

  /** A list is not what it was. */
  #changed(): void {
    if (this.#live === undefined) this.#stale = true;
    else this.#relist.request();
  }

  /** The stream a link lived on is gone. A server that closes it at once is not asked again at once. */
  #cut(live: HttpLink, fault: BackendFault): void {
    if (this.#live !== live) return;
    this.#cause = fault;
    this.#live = undefined;
    this.#nap.wake();
  }

  /** Returns when the link is of no use any more: why, or undefined when a better one may be had at once. */
  async #watch(live: HttpLink): Promise<BackendFault | undefined> {
    const interval = this.#settings.healthIntervalMs > 0 ? this.#settings.healthIntervalMs : DAY_MS;
    let asked = -Infinity;
    while (this.#live === live) {
      const due = this.#suspect ? asked + SUSPECT_GAP_MS : Math.max(asked, this.conversation.heardAt) + interval;
      const now = this.#deps.clock.mono();
      if (due > now) {
        await this.#nap.sleep(due - now);
        continue;
      }
      this.#suspect = false;
      asked = now;
      const fault = await ping(this.#input, live);
      if (fault === SESSION_LOST) this.lose(live, SESSION_LOST);
      else if (fault !== undefined) return fault;
      else if (this.#verdict.isOld && (await this.#speaksModern())) this.lose(live);
    }
    return undefined;
  }

  async #speaksModern(): Promise<boolean> {
    const found = await discover(this.#input);
    const isModern = found !== 'legacy' && found.ok;
    this.#verdict.found('auto', isModern ? 'modern' : 'legacy');
    return isModern;
  }

  /** Undefined: the list is known now. */
  async list(link: HttpLink): Promise<BackendFault | undefined> {
    const listed = await list(this.#input, link);
    if (!listed.ok) {
      if (listed.error === SESSION_LOST) this.lose(link, SESSION_LOST);
      return listed.error;
    }
    const { lists, mirrors, notes } = listed.value;
    for (const note of notes) this.#deps.log({ backend: this.#settings.id, level: 'warn', event: 'list', text: note });
    this.#mirrors = mirrors;
    this.#status.listed(link.link, lists);
    return undefined;
  }
}
