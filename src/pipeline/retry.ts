// What a modern agent's request continues: a call that waits here, a round of a modern backend, a page that was to be visited first;
// or nothing. A handle that is not good leads nowhere and touches nothing (T85–T89).
import type { Continuation } from '../core/call.ts';
import { members, stringOf } from '../core/json/slice.ts';
import type { RawJson } from '../core/json/scan.ts';
import { mayUse } from '../core/policy/decide.ts';
import type { Snapshot } from '../core/snapshot.ts';
import { inputResponses, type ReadContinuation } from '../relay/rounds.ts';
import type { PipelineDeps } from './deps.ts';
import { openHandle, type Binding, type Handle, type HandleFault } from './handles.ts';
import { refusedByAgent } from './questions/unanswered.ts';
import type { Run } from './run.ts';
import { type Screened, screenOwn } from './screen.ts';

export type Retry =
  | { readonly kind: 'call'; readonly continuation: Continuation | undefined; readonly pages: number; readonly local: Screened | undefined }
  | { readonly kind: 'parked'; readonly run: Run; readonly responses: ReadonlyMap<string, RawJson> }
  | { readonly kind: 'bad'; readonly fault: HandleFault };

function fresh(continuation: Continuation | undefined): Retry {
  return { kind: 'call', continuation, pages: 0, local: undefined };
}

const FRESH: Retry = fresh(undefined);
const NO_RESPONSES: ReadonlyMap<string, RawJson> = new Map();

export function readRetry(continued: ReadContinuation | undefined, binding: Binding, snapshot: Snapshot, deps: PipelineDeps): Retry {
  if (continued === undefined) return FRESH;
  // Answers without a state belong to no call that waits. A modern backend may use them; like arguments they are what the agent says.
  if (continued.state === undefined) return continued.responses === undefined ? FRESH : fresh({ responses: inputResponses(continued.responses), state: undefined });
  // What this principal may not use now is refused by the stages, like any call of it: the handle must not tell what is hidden apart (C01),
  // and is kept for a token with more scope.
  if (!mayUse(snapshot.policy, binding.principal, binding.target, deps.clock.wall())) return FRESH;
  const opened = openHandle(continued.state, binding, deps);
  return opened.ok ? continues(opened.value, continued.responses ?? NO_RESPONSES, binding, deps) : { kind: 'bad', fault: opened.error };
}

function continues(handle: Handle, responses: ReadonlyMap<string, RawJson>, { target }: Binding, deps: PipelineDeps): Retry {
  switch (handle.kind) {
    case 'parked': {
      const run = deps.parking.take(handle.park, handle.ticket);
      return run === undefined ? { kind: 'bad', fault: 'used' } : { kind: 'parked', run, responses };
    }
    case 'passed': return fresh({ responses: responses.size === 0 ? undefined : inputResponses(responses), state: handle.state });
    case 'pages': {
      const actions = handle.keys.map((key) => stringOf(members(responses.get(key))?.get('action')));
      const refused = actions.some((action) => action !== undefined && action !== 'accept');
      // A missing answer is no refusal: the backend will say again what it wants visited.
      return { kind: 'call', continuation: undefined, pages: handle.times, local: refused ? screenOwn(refusedByAgent(target.kind, 'elicitation/create')) : undefined };
    }
  }
}
