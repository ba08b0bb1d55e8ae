// How a call that was allowed came to its end, and what to do where that was no good one.
import { FAULT_CODES } from '../core/wire/denials.ts';
import type { BackendFault } from '../core/ports.ts';
import { DOCTOR, moment, nameOf, RELOAD, STATUS, type Advice, type Case, type Change } from './why-case.ts';
import { killed } from './why-policy.ts';

/** Undefined: nothing went wrong. */
export function adviceOnEnd(one: Case): Advice | undefined {
  const { told } = one;
  const code = told.last.code ?? '';
  if (!told.concluded) return { because: 'it is not concluded: it is in flight, or its gateway died and has not been started again', changes: [{ text: 'a gateway that starts on this state directory concludes what it finds open; how it is now', run: STATUS }] };
  if (isFault(code)) return backendFault(code, one);
  switch (code) {
    case 'tool_error': return { because: `the tool itself answered with an error (isError)`, changes: [{ text: 'its answer, which the agent has, says why; the gateway keeps no results' }] };
    case 'backend_error': return { because: `backend ${told.last.backend ?? ''} answered with a JSON-RPC error${said(told.detail)}`, changes: [{ text: 'what it says in its log, and whether it is well', run: STATUS }] };
    case 'cancelled_agent': return { because: 'the agent cancelled it', changes: [] };
    case 'cancelled_kill': return killed(one);
    case 'cancelled_timeout': return { because: 'it took too long', changes: [timeLimit(one)] };
    case 'cancelled_shutdown': return { because: 'the gateway was stopped before the backend answered', changes: [{ text: `calls in flight may take [gateway] drain_timeout = ${one.settings.gateway.drainMs / 1000} s to end at a stop; then`, run: RELOAD }] };
    case 'indeterminate': return { because: 'the gateway ended between sending it and hearing what came of it: something may have happened, and nobody knows what', changes: [{ text: `look at ${told.last.backend ?? 'the backend'} itself before it is made again: ${nameOf(one)} may have been done` }] };
    default: return undefined;
  }
}

function said(detail: string): string {
  return detail === '' ? '' : `: ${detail}`;
}

function isFault(code: string): code is BackendFault['code'] {
  return Object.hasOwn(FAULT_CODES, code);
}

const FAULTS: Readonly<Record<BackendFault['code'], string>> = {
  spawn_failed: 'could not be started', exited: 'ended during the call', not_ready: 'was not ready', timeout: 'did not answer in time', protocol: 'answered with what is not valid MCP',
  oversize: 'answered with more than is taken', unreachable: 'could not be reached', http_status: 'refused the request', unauthorized: 'refused the gateway\u2019s own credentials',
  queue_full: 'had too many calls waiting', cancelled: 'was told to cancel it', stopped: 'was being stopped',
};

function backendFault(code: BackendFault['code'], one: Case): Advice {
  const { told, backend } = one;
  const state = backend === undefined ? '' : `; the last that was said of it: ${backend.state} at ${moment(backend.at)}${backend.note === '' ? '' : ` (${backend.note})`}`;
  return { because: `backend ${told.last.backend ?? ''} ${FAULTS[code]}${said(told.detail)}${state}`, changes: [...ownChange(code, one), { text: 'how it is now', run: STATUS }] };
}

function ownChange(code: BackendFault['code'], one: Case): readonly Change[] {
  const name = one.told.last.backend ?? '';
  const row = one.settings.backends.find(({ id }) => id === name);
  switch (code) {
    case 'timeout': return [timeLimit(one)];
    case 'oversize': return [{ text: `the bound is \`result\` of [[backends]] ${name}${row === undefined ? '' : ` = ${row.resultBytes} bytes`} in ${one.file}; a larger one there, then`, run: RELOAD }];
    case 'queue_full': return [{ text: `the bounds are \`concurrency\` and \`queue\` of [[backends]] ${name}${row === undefined ? '' : ` = ${row.concurrency} and ${row.queue}`} in ${one.file}; larger ones there, then`, run: RELOAD }];
    case 'unauthorized': return [{ text: `the credentials of [[backends]] ${name} in ${one.file} (bearer, headers) must be ones that it takes; then`, run: RELOAD }];
    case 'spawn_failed': return [{ text: `the command of [[backends]] ${name} in ${one.file} must be there and start; what is wrong`, run: DOCTOR }];
    case 'exited':
    case 'not_ready':
    case 'protocol':
    case 'unreachable':
    case 'http_status':
    case 'cancelled':
    case 'stopped': return [];
  }
}

function timeLimit({ told, settings, file }: Case): Change {
  const name = told.last.backend ?? '';
  const row = settings.backends.find(({ id }) => id === name);
  return { text: `the time for one call is timeout_secs of [[backends]] ${name}${row === undefined ? '' : ` = ${row.timeoutMs / 1000}`} in ${file}; a longer one there, then`, run: RELOAD };
}
