// Builds the gateway from its parts, in order, each with its end on one stack: taken apart in reverse, that is the shutdown.
// The only place that says which thing stands behind which port.
import { compileNames, compilePolicy } from '../config/compile.ts';
import type { Call, Target } from '../core/call.ts';
import { callId, type Timestamp } from '../core/ids.ts';
import type { Ingress } from '../core/inbound.ts';
import type { LifecycleEvent } from '../core/lifecycle.ts';
import type { Override, RevokeOverride } from '../core/override.ts';
import { hits } from '../core/policy/decide.ts';
import { ConcurrencyTable } from '../core/policy/concurrency.ts';
import { limitWindows } from '../core/policy/limits.ts';
import type { WindowTable } from '../core/policy/window.ts';
import type { Backend, SchemaChecker } from '../core/ports.ts';
import { ok, type Result } from '../core/result.ts';
import type { Settings } from '../core/settings.ts';
import type { Policy } from '../core/snapshot.ts';
import type { TokenAuthenticator } from '../identity/authenticator.ts';
import type { Witness } from '../stores/witness/witness.ts';
import { conclude } from '../pipeline/conclude.ts';
import type { PipelineDeps } from '../pipeline/deps.ts';
import { createHandle } from '../pipeline/handle.ts';
import { Inflight } from '../pipeline/inflight.ts';
import { Leases } from '../pipeline/lease.ts';
import { Parking } from '../pipeline/parking.ts';
import { elicitationCompleted, Elicitations } from '../pipeline/questions/elicitations.ts';
import type { Run } from '../pipeline/run.ts';
import { Subscriptions } from '../pipeline/subscribe.ts';
import { createSilence } from '../pipeline/silence.ts';
import { createWatch } from '../pipeline/watch.ts';
import { openAuthenticator } from './authenticate.ts';
import type { Configuration } from './configuration.ts';
import type { AppDeps } from './deps.ts';
import { openEdges, type Edges } from './edges.ts';
import type { Exports } from './exports.ts';
import { publishExpiries } from './expiry.ts';
import type { StartFault } from './fault.ts';
import { importAtStart } from './migrate.ts';
import { openMemory, type Memory } from './memory.ts';
import { withThose } from './overrides.ts';
import { keepRecord } from './recording.ts';
import { RuntimeCell } from './runtime.ts';
import { processSeal, sealUnder, sha256 } from './system.ts';
import { openTasks, type Tasks } from './tasks.ts';
import { createTelemetry, type SampleSource, type Telemetry } from './telemetry.ts';

export interface Gateway {
  readonly ingress: Ingress;
  readonly cell: RuntimeCell;
  readonly edges: Edges;
  readonly leases: Leases;
  readonly inflight: Inflight;
  readonly parking: Parking<Run>;
  readonly tasks: Tasks['tasks'];
  readonly endTasks: Tasks['endTasks'];
  readonly countTasks: Tasks['countTasks'];
  readonly subscriptions: Subscriptions;
  readonly windows: WindowTable;
  readonly schemas: SchemaChecker;
  readonly authenticator: TokenAuthenticator;
  readonly telemetry: Telemetry;
  /** Refused requests without a record of their own, as far as they came to the pipeline. */
  readonly unrecorded: () => number;
  readonly memory: Memory;
  readonly exports: Exports;
  readonly witness: Witness;
  /** Audited, logged, counted and shown live. */
  announce(event: LifecycleEvent): Promise<void>;
  /** The same, and durable when it resolves well. */
  noted(event: LifecycleEvent): ReturnType<Memory['audit']['note']>;
  /** Disposal ends everything that was opened here, last opened first. */
  readonly stack: AsyncDisposableStack;
}

const IDENTITY = { name: 'sentinel', title: 'Sentinel' } as const;

/** `authenticator`: instead of one made from the settings (only `sentinel proxy`, which has none). */
export async function compose(configuration: Configuration, deps: AppDeps, authenticator?: TokenAuthenticator): Promise<Result<Gateway, StartFault>> {
  const stack = new AsyncDisposableStack();
  const composed = await build(configuration, deps, stack, authenticator);
  if (!composed.ok) await stack.disposeAsync();
  return composed;
}

async function build(configuration: Configuration, deps: AppDeps, stack: AsyncDisposableStack, given: TokenAuthenticator | undefined): Promise<Result<Gateway, StartFault>> {
  const { settings, hash, file } = configuration;
  const late: Late = { cell: undefined, sample: undefined, exports: undefined, abandoned: (segment, why) => telemetry.auditAbandoned(segment, why) };
  const telemetry = createTelemetry({ settings, deps, sample: () => late.sample?.() ?? NOTHING, exposedName: (target) => exposedName(late.cell, target) });
  const reportFault = (error: unknown): void => telemetry.fault(error);
  if (file !== '') telemetry.configuration(file);

  const carried = await importAtStart(settings);
  if (carried !== undefined) telemetry.auditImported(carried);
  const memory = await openMemory(settings, deps, {
    audit: () => late.cell?.current().settings.audit ?? settings.audit, onAbandoned: (segment, why) => late.abandoned(segment, why),
    onChange: telemetry.auditHealth, onShipping: telemetry.auditShipping, onCapture: telemetry.auditCapture, onLost: telemetry.overrideLost,
  });
  if (!memory.ok) return memory;
  stack.defer(() => memory.value.close(() => late.exports?.finish() ?? Promise.resolve()));

  const cell = new RuntimeCell({ settings, configHash: hash }, memory.value.active, { digest: sha256, compile: (from, overrides) => compiled(from, overrides, telemetry), names: compileNames, onListenerFault: reportFault });
  late.cell = cell;
  memory.value.late((stored) => cell.override(withThose(stored, cell.overrides(), memory.value.active)));
  stack.defer(publishExpiries(cell, deps));

  const opened = given === undefined ? await openTokens(settings, cell, deps, stack) : ok(given);
  if (!opened.ok) return opened;
  const authenticator = opened.value;

  const noted: Gateway['noted'] = async (event) => {
    telemetry.lifecycle(event);
    return memory.value.audit.note(event);
  };
  const announce = async (event: LifecycleEvent): Promise<void> => void await noted(event);
  const recording = keepRecord({ memory: memory.value, cell, telemetry, stack, noted }, deps);
  late.abandoned = recording.abandoned;
  late.exports = recording.exports;
  if (settings.audit.enabled) await recording.exports.follow(settings.audit.exports);
  const inflight = new Inflight();
  const subscriptions = new Subscriptions();
  const elicitations = new Elicitations(deps);
  const completed = (backend: Backend, id: string): boolean => elicitationCompleted(backend, id, { elicitations, runtime: cell, clock: deps.clock, subscriptions });
  const edges = openEdges({ settings, deps, cell, telemetry, inflight, announce, completed });
  stack.defer(() => edges.close());

  const { bounds } = settings;
  const windows = limitWindows(bounds.limiterKeys);
  const leases = new Leases(new ConcurrencyTable({ maxKeys: bounds.limiterKeys }), deps.clock, (view) => telemetry.circuit(view));
  const parking = new Parking<Run>(deps);
  const backend: PipelineDeps['backend'] = (wanted) => edges.fleet.find(wanted);
  const { tasks, ...ends } = openTasks({ clock: deps.clock, timers: deps.timers, random: deps.random, runtime: cell, backend, onListenerFault: reportFault, announce });
  stack.defer(() => ends.close());
  const watch = createWatch({ runtime: cell, clock: deps.clock, timers: deps.timers, digest: sha256 });
  const pipeline: PipelineDeps = {
    runtime: cell, audit: memory.value.audit, clock: deps.clock, timers: deps.timers, silence: createSilence(deps.timers), random: deps.random, digest: sha256,
    leases, inflight, windows, watch, parking, subscriptions, elicitations, schemas: edges.schemas, seal: processSeal(), disguise: memory.value.disguise, tasks, taskSeal: sealUnder(memory.value.taskKey),
    probes: limitWindows(bounds.limiterKeys), unrecorded: { times: 0 },
    identity: { ...IDENTITY, version: deps.version },
    listeners: [(outcome) => telemetry.outcome(outcome)],
    onListenerFault: reportFault, listed: recording.listed, backend,
  };
  const ingress = ingressOf(pipeline, authenticator, deps);
  late.sample = () => ({
    ...sampleOf({ cell, edges, leases, inflight, memory: memory.value, exports: recording.exports, witness: recording.witness }, deps.clock.wall()),
    parked: parking.size, follows: subscriptions.open, tasks: tasks.size, hits: { ...parking.hits, ...tasks.hits, follows: subscriptions.hits, elicitations: elicitations.hits },
  });
  return ok({ ingress, cell, edges, leases, inflight, parking, tasks, endTasks: ends.endTasks, countTasks: ends.countTasks, subscriptions, windows, schemas: edges.schemas, authenticator, telemetry, unrecorded: () => pipeline.unrecorded.times + memory.value.audit.health().unrecorded, memory: memory.value, exports: recording.exports, witness: recording.witness, announce, noted, stack });
}

function ingressOf(pipeline: PipelineDeps, authenticator: TokenAuthenticator, { clock, random }: AppDeps): Ingress {
  const { runtime, watch, onListenerFault } = pipeline;
  return {
    authenticator, runtime, clock, random, watch,
    handle: createHandle(pipeline),
    refuse: (refused) => {
      conclude({ ...refused, kind: 'refused', id: callId(random.uuid()), wall: clock.wall(), revision: runtime.current().revision }, pipeline).catch(onListenerFault);
    },
  };
}

async function openTokens(settings: Settings, cell: RuntimeCell, deps: AppDeps, stack: AsyncDisposableStack): Promise<Result<TokenAuthenticator, StartFault>> {
  const opened = await openAuthenticator(settings, deps, () => cell.overrides().filter((one): one is RevokeOverride => one.kind === 'revoke'));
  if (!opened.ok) return opened;
  const { authenticator, close } = opened.value;
  stack.defer(async () => {
    authenticator.dispose();
    await close();
  });
  return ok(authenticator);
}

/** Telemetry is built first, so that it can tell of everything after it; what it asks for exists only later. */
interface Late {
  abandoned: (segment: number, why: string) => void;
  cell: RuntimeCell | undefined;
  exports: Exports | undefined;
  sample: SampleSource | undefined;
}

const NOTHING: ReturnType<SampleSource> = { inflight: 0, parked: 0, follows: 0, tasks: 0, hits: {}, tools: 0, kills: 0, revision: 0, backends: [], circuits: [], audit: { enabled: false, queued: 0, failed: 0, fault: undefined, space: undefined, shipping: undefined, exports: [] } };

function exposedName(cell: RuntimeCell | undefined, target: Target): string | undefined {
  const view = cell?.current().catalog.byBackend.get(target.backend);
  const named = target.kind === 'resource' ? undefined : target.kind === 'tool' ? view?.tools : view?.prompts;
  return named?.get(target.name)?.exposed;
}

function sampleOf({ cell, edges, leases, inflight, memory, exports, witness }: Pick<Gateway, 'cell' | 'edges' | 'leases' | 'inflight' | 'memory' | 'exports' | 'witness'>, now: Timestamp): Omit<ReturnType<SampleSource>, 'parked' | 'follows' | 'tasks' | 'hits'> {
  const { settings, catalog, policy, revision } = cell.current();
  return {
    inflight: inflight.size, tools: catalog.tools.length, kills: policy.kills.filter((rule) => rule.until === undefined || rule.until > now).length, revision,
    backends: edges.fleet.statuses().map((status) => ({ id: status.id, up: status.state === 'ready', restarts: status.restarts })),
    circuits: leases.circuits(settings.backends.map((row) => row.id)),
    audit: { ...memory.audit.health(), shipping: memory.shipping(), exports: exports.health(), witnessed: settings.audit.witness.length === 0 ? undefined : witness.counts() },
  };
}

/** The file was compiled before it was accepted, and a kill before it was kept; what fails now closes everything. */
function compiled(settings: Settings, overrides: readonly Override[], telemetry: Telemetry): Policy {
  const policy = compilePolicy(settings, overrides);
  if (policy.ok) return policy.value;
  telemetry.fault(new Error(`policy could not be compiled (${policy.error.map((one) => one.rule).join(', ')}); everything is refused`));
  return { roles: new Map(), kills: [{ scope: { kind: 'all' }, pattern: undefined, origin: 'config', until: undefined }], toolLimits: [], scopes: [] };
}

/** Ends calls that the newest word of the operators forbids. */
export function cancelKilled(gateway: Pick<Gateway, 'cell' | 'inflight' | 'endTasks'>, deps: Pick<AppDeps, 'clock'>): void {
  const { policy, settings } = gateway.cell.current();
  if (!settings.kills.cancelInFlight || policy.kills.length === 0) return;
  const isHit = ({ principal, target }: Pick<Call, 'principal' | 'target'>): boolean => policy.kills.some((rule) => hits(rule, principal, target, deps.clock.wall()));
  gateway.inflight.cancel(isHit, 'kill');
  gateway.endTasks(isHit);
}

