// Which era a child speaks, found out on its own pipe (CI1, T63, T64). Asks; never starts or ends a process.
import type { ClientInfo } from '../../core/call.ts';
import type { RawJson } from '../../core/json/scan.ts';
import type { BackendReply, BackendFault, Timers } from '../../core/ports.ts';
import { err, ok, type Result } from '../../core/result.ts';
import type { StdioBackendSettings } from '../../core/settings.ts';
import { settlesWithin } from '../deadline.ts';
import type { EraPlan } from '../era.ts';
import { discoverParams, initializeParams, judgeProbe, type Link, readInitialize } from '../handshake.ts';
import type { Peer } from './peer.ts';

type Linked = Result<Link, BackendFault>;

export interface NegotiateInput {
  readonly peer: Peer;
  readonly plan: EraPlan;
  readonly settings: Pick<StdioBackendSettings, 'asks' | 'roots'>;
  readonly client: ClientInfo;
  readonly timers: Timers;
  readonly handshakeMs: number;
  readonly probeMs: number;
  readonly resultBytes: number;
}

export async function negotiate(input: NegotiateInput): Promise<Linked> {
  const linked = await (input.plan === 'legacy' ? initialize(input) : probe(input));
  if (linked.ok && linked.value.era === 'modern') input.peer.becomeModern();
  if (linked.ok && linked.value.era === 'legacy') input.peer.notify('notifications/initialized');
  return linked;
}

async function ask(input: NegotiateInput, method: string, params: RawJson): Promise<Result<BackendReply, BackendFault>> {
  const { handshakeMs, resultBytes } = input;
  return input.peer.ask(method, () => params, { timeoutMs: handshakeMs, maxTimeoutMs: handshakeMs, signal: undefined, onProgress: undefined, resultBytes, cancellable: false });
}

async function initialize(input: NegotiateInput): Promise<Linked> {
  const asked = await ask(input, 'initialize', initializeParams(input.client, input.settings));
  if (!asked.ok) return asked;
  const link = readInitialize(asked.value);
  return link.ok ? link : err({ code: 'protocol', detail: link.error });
}

/** Undefined: the probe says legacy. */
async function discover(input: NegotiateInput, version?: string): Promise<Linked | undefined> {
  const asked = await ask(input, 'server/discover', discoverParams(input.client, version));
  if (!asked.ok) return asked;
  const verdict = judgeProbe(asked.value);
  switch (verdict.kind) {
    case 'modern': return ok(verdict.link);
    case 'legacy': return undefined;
    case 'fault': return err({ code: 'protocol', detail: verdict.detail });
    // Once: a server that refuses the version it names is refused itself.
    case 'retry': return version === undefined ? discover(input, verdict.version) : err({ code: 'protocol', detail: 'it refuses the revision it supports' });
  }
}

async function probe(input: NegotiateInput): Promise<Linked> {
  const discovered = discover(input);
  if (input.plan === 'modern') return (await discovered) ?? err({ code: 'protocol', detail: 'it does not speak the modern era it is pinned to' });
  if (await settlesWithin(input.timers, discovered, input.probeMs)) return (await discovered) ?? initialize(input);
  // Silent, or still starting (npx downloads first). Both questions now wait; a modern answer counts even if it comes late.
  return firstLinked(discovered.then((late) => late ?? NOT_MODERN), initialize(input));
}

const NOT_MODERN: Linked = err({ code: 'protocol', detail: 'not modern' });

/** The first success; when both fail, the fault of the legacy handshake. */
async function firstLinked(modern: Promise<Linked>, legacy: Promise<Linked>): Promise<Linked> {
  return Promise.race([
    modern.then(async (linked) => (linked.ok ? linked : legacy)),
    legacy.then(async (linked) => {
      if (linked.ok) return linked;
      const late = await modern;
      return late.ok ? late : linked;
    }),
  ]);
}
