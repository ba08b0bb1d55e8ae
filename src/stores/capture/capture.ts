// What a record keeps of a call's own words, where a rule names it: extracted, masked, bounded, encrypted. For all other calls it is one look.
import { randomBytes } from 'node:crypto';
import type { Call } from '../../core/call.ts';
import type { CaptureRule, CaptureSettings } from '../../core/capture.ts';
import type { RawJson } from '../../core/json/scan.ts';
import { memberOf } from '../../core/json/slice.ts';
import type { Clock } from '../../core/ports.ts';
import { extract, type Kept, type Room } from './extract.ts';
import { keyDirectory, type RandomBytes } from './key-files.ts';
import type { KeyFault } from './keys.ts';
import { planner, type Plan, type PlannedRule, type RuleTag } from './plan.ts';
import { capturedText, type Place } from './seal.ts';
import { Sealer } from './sealer.ts';

export interface CaptureDeps {
  /** UUID of the state directory. */
  readonly node: string;
  readonly stateDir: string;
  readonly clock: Clock;
  readonly settings: () => { readonly capture: CaptureSettings; readonly redactKeys: readonly string[] };
  /** The key of the day cannot be had: told once, and again when another reason comes. Undefined: it can be had again. */
  readonly onFault?: (fault: KeyFault | undefined) => void;
  readonly random?: RandomBytes;
}

/** What of a call the record may be asked to keep. */
export interface Words {
  /** False: another record of this call has them. */
  readonly args: boolean;
  /** As the backend gave it; undefined: none, or the record is not of its end. */
  readonly result: RawJson | undefined;
}

export interface Capture {
  /** The member `captured` as JSON text; null where no rule names anything that is there. Never throws for what was sent. */
  of(place: Omit<Place, 'node' | 'call'>, call: Call, words: Words): string | null;
  /** Forgets a key whose day is over; for whoever looks at the clock now and then. */
  tick(): void;
}

/** Of one record, over all rules. */
const MOST_BYTES = 65_536;
const MOST_VALUES = 256;

export function createCapture(deps: CaptureDeps): Capture {
  const { node, stateDir, clock, settings } = deps;
  const sealer = new Sealer({ clock, folder: () => ({ dir: keyDirectory(stateDir, settings().capture.keyDir), node }), random: deps.random ?? randomBytes, onFault: deps.onFault ?? (() => {}) });
  let plans: { readonly rules: readonly CaptureRule[]; readonly of: ReturnType<typeof planner> } | undefined;
  return {
    of(place, call, words) {
      const { capture: { rules }, redactKeys } = settings();
      if (rules.length === 0) return null;
      // A reload brings a new list.
      if (plans?.rules !== rules) plans = { rules, of: planner(rules) };
      const plan = plans.of(call.target);
      const kept = plan === undefined ? undefined : collect(plan, argumentsOf(call, words), resultOf(call, words), redactKeys);
      if (kept === undefined) return null;
      const sealed = sealer.seal(kept.text, { ...place, node, call: call.id }, kept.rules);
      return sealed.ok ? sealed.value : capturedText({ day: sealed.error.day, fault: 'no_key', rules: kept.rules });
    },
    tick: () => sealer.tick(),
  };
}

/** Only what the agent itself sends to the object. Answers to a backend's questions are words of a person, and are never kept. */
function argumentsOf(call: Call, { args }: Words): RawJson | undefined {
  return args && (call.kind === 'tool' || call.kind === 'prompt') ? call.args : undefined;
}

/** Of a request about a task, the result of the tool that it is a call of, wherever the two forms of tasks put it. */
function resultOf(call: Call, { result }: Words): RawJson | undefined {
  if (result === undefined) return undefined;
  switch (call.kind) {
    case 'tool':
    case 'prompt':
    case 'resource': return result;
    case 'task': return call.verb === 'result' ? result : call.verb === 'get' ? memberOf(result, 'result') : undefined;
    case 'completion':
    case 'listen':
    case 'model': return undefined;
  }
}

interface Collected {
  readonly text: string;
  readonly rules: readonly RuleTag[];
}

/** Undefined: nothing of what is named is there. */
function collect(plan: Plan, args: RawJson | undefined, result: RawJson | undefined, redactKeys: readonly string[]): Collected | undefined {
  const kept: Readonly<Record<'arguments' | 'result', Kept>> = { arguments: new Map(), result: new Map() };
  const count = (): number => kept.arguments.size + kept.result.size;
  const rules: RuleTag[] = [];
  let left = MOST_BYTES;
  let incomplete = false;
  for (const rule of plan) {
    const before = count();
    const bytes = Math.min(rule.bytes, left);
    const room: Room = { bytes, values: MOST_VALUES - before, incomplete: false, misses: MOST_VALUES };
    read(rule, { arguments: args, result }, redactKeys, room, kept);
    left -= bytes - room.bytes;
    incomplete ||= room.incomplete;
    if (count() > before || room.incomplete) rules.push(rule.tag);
  }
  if (rules.length === 0) return undefined;
  const members = Object.entries(kept).filter(([, values]) => values.size > 0).map(([name, values]) => `"${name}":${objectText(values)}`);
  return { text: `{${[...members, ...(incomplete ? ['"incomplete":true'] : [])].join(',')}}`, rules };
}

function read(rule: PlannedRule, said: Readonly<Record<'arguments' | 'result', RawJson | undefined>>, redactKeys: readonly string[], room: Room, kept: Readonly<Record<'arguments' | 'result', Kept>>): void {
  if (rule.arguments !== undefined && said.arguments !== undefined) extract(said.arguments, rule.arguments, redactKeys, room, kept.arguments);
  if (rule.results !== undefined && said.result !== undefined) extract(said.result, rule.results, redactKeys, room, kept.result);
}

function objectText(values: Kept): string {
  return `{${[...values].map(([pointer, text]) => `${JSON.stringify(pointer)}:${text}`).join(',')}}`;
}
