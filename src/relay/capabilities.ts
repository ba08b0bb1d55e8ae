// What agents say they can be asked for, read; and what a backend is told of it: never more than the agent said and the operator allows.
// Sources: MCP schema ClientCapabilities of each revision; LoggingLevel (RFC 5424).
import { LOG_LEVELS, type ClientCapabilities, type LogLevel } from '../core/capabilities.ts';
import { toRaw } from '../core/json/compose.ts';
import type { RawJson } from '../core/json/scan.ts';
import { elements, kindOf, members, stringOf } from '../core/json/slice.ts';
import type { BackendSettings } from '../core/settings.ts';
import { isSince, type Spoken } from './versions.ts';

/** SEP-2663. */
export const TASKS_EXTENSION = 'io.modelcontextprotocol/tasks';

/** MCP Apps (SEP-1865). It is of no revision: hosts declare it beside what their revision knows. */
export const APPS_EXTENSION = 'io.modelcontextprotocol/ui';
const APP_PAGE = 'text/html;profile=mcp-app';
const SHOWS_APPS = { [APPS_EXTENSION]: { mimeTypes: [APP_PAGE] } };
export const SHOWS_APPS_ONLY: RawJson = toRaw({ extensions: SHOWS_APPS });

/** For what is declared to a legacy backend, whose one session serves many agents: each question is held against its own agent later, and pages are for who shows them. */
export const EVERY_CAPABILITY: ClientCapabilities = Object.freeze({ elicitForm: true, elicitUrl: true, sampling: true, samplingTools: true, roots: true, tasks: false, apps: true });

/**
 * `raw`: `capabilities` of an initialize, or the `clientCapabilities` of a request. What a revision does not know is not read, and
 * what is malformed was not declared.
 */
export function readCapabilities(raw: RawJson | undefined, { era, version }: Spoken): ClientCapabilities {
  const all = members(raw);
  const elicitation = isSince(version, '2025-06-18') ? members(all?.get('elicitation')) : undefined;
  const sampling = members(all?.get('sampling'));
  const since11 = isSince(version, '2025-11-25');
  const url = since11 && isObject(elicitation?.get('url'));
  const extensions = members(all?.get('extensions'));
  return {
    // `{}` is the form of 2025-06-18, which later revisions keep reading as a form.
    elicitForm: elicitation !== undefined && (!since11 || isObject(elicitation.get('form')) || !elicitation.has('url')),
    elicitUrl: url,
    sampling: sampling !== undefined,
    samplingTools: since11 && isObject(sampling?.get('tools')),
    roots: isObject(all?.get('roots')),
    tasks: era === 'modern' && isObject(extensions?.get(TASKS_EXTENSION)),
    apps: showsApps(extensions?.get(APPS_EXTENSION)),
  };
}

function showsApps(raw: RawJson | undefined): boolean {
  return elements(members(raw)?.get('mimeTypes'))?.some((type) => stringOf(type) === APP_PAGE) === true;
}

function isObject(raw: RawJson | undefined): boolean {
  return raw !== undefined && kindOf(raw) === 'object';
}

/**
 * The `capabilities` of an initialize, or of one request, towards a backend. The agent's `tasks` is leave for this request to be
 * answered with one; tasks of our own, for a backend to ask about, are never declared.
 */
export function declaredCapabilities(asks: BackendSettings['asks'], agent: ClientCapabilities): RawJson {
  const form = asks.elicitation && agent.elicitForm;
  const url = asks.elicitation && agent.elicitUrl;
  return toRaw({
    ...(form || url ? { elicitation: { ...(form ? { form: {} } : {}), ...(url ? { url: {} } : {}) } } : {}),
    ...(asks.sampling && agent.sampling ? { sampling: agent.samplingTools ? { tools: {} } : {} } : {}),
    ...(asks.roots && agent.roots ? { roots: {} } : {}),
    ...(agent.tasks || agent.apps ? { extensions: { ...(agent.tasks ? { [TASKS_EXTENSION]: {} } : {}), ...(agent.apps ? SHOWS_APPS : {}) } } : {}),
  });
}

const LEVELS: ReadonlyMap<string, LogLevel> = new Map(LOG_LEVELS.map((level) => [level, level]));

/** A level as `logging/setLevel`, `_meta` or a message names it; undefined for anything else. */
export function readLogLevel(raw: RawJson | undefined): LogLevel | undefined {
  return LEVELS.get(stringOf(raw) ?? '');
}

/** True when `level` is as severe as `least`, or more. */
export function atLeast(level: LogLevel, least: LogLevel): boolean {
  return LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(least);
}
