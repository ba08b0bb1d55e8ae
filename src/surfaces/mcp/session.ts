// The state of one conversation in a revision that has sessions (2025-03-26 to 2025-11-25), on whichever transport.
// It keeps the phase, what the agent said of itself, the requests in flight and the questions open; it neither reads bytes nor writes any.
import type { ClientInfo } from '../../core/call.ts';
import { type ClientCapabilities, type LogLevel, NO_CAPABILITIES } from '../../core/capabilities.ts';
import type { RawJson } from '../../core/json/scan.ts';
import { members } from '../../core/json/slice.ts';
import type { CancelledBy } from '../../core/outcome.ts';
import { readCapabilities, readLogLevel } from '../../relay/capabilities.ts';
import { readClientInfo } from '../../relay/meta.ts';
import { negotiatedVersion } from '../../relay/hello.ts';
import { CODE, errorMessage } from '../../relay/rpc.ts';
import { LATEST_LEGACY } from '../../relay/versions.ts';
import { idKey, type NotificationEnvelope, type RequestEnvelope } from './envelope.ts';
import { Questions } from './questions.ts';

/** `opening`: initialize is being answered. `opened`: answered, the agent has not said `initialized` yet. */
export type Phase = 'fresh' | 'opening' | 'opened' | 'operational';

/** `status` is for HTTP. */
export interface Refused {
  readonly status: number;
  readonly message: RawJson;
}

export class LegacySession {
  /** For records: never the secret session id. */
  readonly label: string;
  readonly inflight: Map<string, AbortController> = new Map();
  readonly questions: Questions = new Questions();
  readonly #ending = new AbortController();
  phase: Phase = 'fresh';
  version: string = LATEST_LEGACY;
  client: ClientInfo | undefined = undefined;
  capabilities: ClientCapabilities = NO_CAPABILITIES;
  /** As of the last `logging/setLevel` that was answered with a result. */
  logLevel: LogLevel | undefined = undefined;

  constructor(label: string) {
    this.label = label;
  }

  /** An error for what may not be asked now, or undefined. Only ping comes before `initialized`; nobody initializes twice. */
  refusal(message: RequestEnvelope): Refused | undefined {
    const refuse = (why: string): Refused => ({ status: 400, message: errorMessage(message.id, CODE.invalidRequest, `Invalid Request: ${why}`) });
    // One answer per id: a second request with an id in flight could take the first one's answer (A34).
    if (this.inflight.has(message.key)) return refuse('this id is already in use');
    if (message.method === 'initialize') return this.phase === 'fresh' ? undefined : refuse('already initialized');
    return message.method !== 'ping' && this.phase !== 'operational' ? refuse('not initialized') : undefined;
  }

  /** What initialize says of the agent. The pipeline refuses malformed params; the revision is then of no consequence. */
  introduce(message: RequestEnvelope): void {
    this.phase = 'opening';
    this.version = negotiatedVersion(message.params) ?? LATEST_LEGACY;
    const said = members(message.params);
    this.client = readClientInfo(said?.get('clientInfo'));
    this.capabilities = readCapabilities(said?.get('capabilities'), { era: 'legacy', version: this.version });
  }

  /** What an answered request leaves behind. */
  answered(message: RequestEnvelope, answer: RawJson | undefined): void {
    if (message.method !== 'logging/setLevel' || !isResult(answer)) return;
    this.logLevel = readLogLevel(members(message.params)?.get('level')) ?? this.logLevel;
  }

  begin(message: RequestEnvelope): AbortController {
    const controller = new AbortController();
    this.inflight.set(message.key, controller);
    return controller;
  }

  end(message: RequestEnvelope): void {
    this.inflight.delete(message.key);
  }

  /** True when the session became operational by it. What is not known is ignored (JSON-RPC 2.0 §4.1). */
  notified(message: NotificationEnvelope): boolean {
    if (message.method === 'notifications/cancelled') this.#cancel(message);
    if (message.method !== 'notifications/initialized' || this.phase !== 'opened') return false;
    this.phase = 'operational';
    return true;
  }

  #cancel(message: NotificationEnvelope): void {
    const raw = members(message.params)?.get('requestId');
    const key = raw === undefined ? undefined : idKey(raw);
    if (key !== undefined) this.inflight.get(key)?.abort('agent');
  }

  /** Fires when the session ends; `reason` is a CancelledBy. */
  get ended(): AbortSignal {
    return this.#ending.signal;
  }

  /** Nothing outlives it, and nobody is asked any more; what is in flight may still be answered. */
  close(by: CancelledBy): void {
    this.questions.end();
    this.#ending.abort(by);
  }

  cancelAll(by: CancelledBy): void {
    for (const controller of this.inflight.values()) controller.abort(by);
  }
}

/** Did `initialize` succeed? Only then is there a session (C11 of the original: a failed one must not use it up). */
export function isResult(message: RawJson | undefined): boolean {
  return message !== undefined && members(message)?.has('result') === true;
}
