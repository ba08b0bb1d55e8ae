// Whether an HTTP backend is there: `ping` in the legacy era, `server/discover` in the modern one (4.16). Any answer of its own is a yes.
// Asked when nothing was heard for a while, and when calls fail. Ends no link itself.
import { toRaw } from '../../core/json/compose.ts';
import type { BackendFault } from '../../core/ports.ts';
import type { Nap } from '../attempt.ts';
import type { EraVerdict } from '../era.ts';
import { discoverParams } from '../handshake.ts';
import { type ConnectInput, discover, type HttpLink, say, SESSION_LOST } from './connect.ts';

/** Failing calls raise the question whether it is alive; asking costs a request. */
const SUSPECT_GAP_MS = 1_000;

/** Undefined: it is alive. */
async function ping(input: ConnectInput, { manner, link }: HttpLink): Promise<BackendFault | undefined> {
  const isModern = link.era === 'modern';
  const params = isModern ? discoverParams(input.deps.client, link.version) : toRaw({});
  const { asked, status } = await say(input, manner, isModern ? 'server/discover' : 'ping', params, input.deps.limits.lineBytes);
  if (asked.ok) return undefined;
  const isRefused = asked.error.code === 'http_status' && status >= 400 && status < 500;
  if (!isRefused) return asked.error;
  if (manner.session !== undefined && (status === 400 || status === 404)) return SESSION_LOST;
  // It is there, and has no `ping`.
  return status === 404 ? asked.error : undefined;
}

export type Watched =
  /** Somebody else has ended this link. */
  | { readonly kind: 'ended' }
  /** A better one may be had at once. */
  | { readonly kind: 'renew'; readonly fault: BackendFault | undefined }
  | { readonly kind: 'down'; readonly fault: BackendFault };

export class HealthWatch {
  readonly #input: ConnectInput;
  readonly #verdict: EraVerdict;
  /** Woken when there is a doubt, and when a link has ended. */
  readonly #nap: Nap;
  #suspect = false;

  constructor(input: ConnectInput, verdict: EraVerdict, nap: Nap) {
    this.#input = input;
    this.#verdict = verdict;
    this.#nap = nap;
  }

  /** A call failed in a way that makes one ask whether the backend is there. */
  doubt(): void {
    if (this.#suspect) return;
    this.#suspect = true;
    this.#nap.wake();
  }

  /** A new link begins without doubts. */
  trust(): void {
    this.#suspect = false;
  }

  /** Returns when the link is of no use any more. */
  async watch(live: HttpLink, isLive: () => boolean): Promise<Watched> {
    const { settings, deps, conversation } = this.#input;
    let asked = -Infinity;
    while (isLive()) {
      const due = this.#suspect ? asked + SUSPECT_GAP_MS : Math.max(asked, conversation.heardAt) + settings.healthIntervalMs;
      const now = deps.clock.mono();
      if (due > now) {
        await this.#nap.sleep(due - now);
        continue;
      }
      this.#suspect = false;
      asked = now;
      const fault = await ping(this.#input, live);
      if (fault === SESSION_LOST) return { kind: 'renew', fault };
      if (fault !== undefined) return { kind: 'down', fault };
      if (this.#verdict.isOld && (await this.#speaksModern())) return { kind: 'renew', fault: undefined };
    }
    return { kind: 'ended' };
  }

  async #speaksModern(): Promise<boolean> {
    const found = await discover(this.#input);
    const isModern = found !== 'legacy' && found.ok;
    this.#verdict.found('auto', isModern ? 'modern' : 'legacy');
    return isModern;
  }
}
