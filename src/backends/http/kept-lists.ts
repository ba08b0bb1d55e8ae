// What one HTTP backend lists, read again when it says that something changed, with the headers its tools ask for. Opens and ends no link.
import type { Mirror } from '../../core/mirrors.ts';
import type { BackendFault } from '../../core/ports.ts';
import { SingleFlight } from '../single-flight.ts';
import type { StatusCell } from '../status.ts';
import { type ConnectInput, type HttpLink, list, SESSION_LOST } from './connect.ts';

export interface ListsHooks {
  /** The link there is. */
  live(): HttpLink | undefined;
  /** The backend has forgotten the session of this link. */
  forgotten(link: HttpLink): void;
}

export class KeptLists {
  readonly #input: ConnectInput;
  readonly #status: StatusCell;
  readonly #hooks: ListsHooks;
  readonly #again: SingleFlight;
  #mirrors: ReadonlyMap<string, readonly Mirror[]> = new Map();
  /** A list changed before there was a link to ask. */
  #stale = false;

  constructor(input: ConnectInput, status: StatusCell, hooks: ListsHooks) {
    const { timers, limits } = input.deps;
    this.#input = input;
    this.#status = status;
    this.#hooks = hooks;
    this.#again = new SingleFlight(timers, limits.relistMs, async () => {
      const live = hooks.live();
      if (live !== undefined) await this.read(live);
    });
  }

  /** `Mcp-Param-*` headers a tool asks for. */
  mirrorsOf(tool: string): readonly Mirror[] {
    return this.#mirrors.get(tool) ?? [];
  }

  /** Undefined: they are known now. */
  async read(link: HttpLink): Promise<BackendFault | undefined> {
    const listed = await list(this.#input, link);
    if (!listed.ok) {
      if (listed.error === SESSION_LOST) this.#hooks.forgotten(link);
      return listed.error;
    }
    const { lists, mirrors, notes } = listed.value;
    for (const note of notes) this.#input.deps.log({ backend: this.#input.settings.id, level: 'warn', event: 'list', text: note });
    this.#mirrors = mirrors;
    this.#status.listed(link.link, lists);
    return undefined;
  }

  /** A list is not what it was. */
  changed(): void {
    if (this.#hooks.live() === undefined) this.#stale = true;
    else this.#again.request();
  }

  /** They are about to be read. */
  fresh(): void {
    this.#stale = false;
  }

  /** There is a link now: what changed while there was none is read. */
  begun(): void {
    if (this.#stale) this.#again.request();
  }

  close(): void {
    this.#again.close();
  }
}
