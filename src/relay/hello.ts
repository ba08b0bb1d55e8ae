// What the gateway says about itself: `initialize` for sessions, `server/discover` for stateless agents. Answered from
// what is known, never by asking a backend.
import { objectOf, quote, toRaw } from '../core/json/compose.ts';
import type { RawJson } from '../core/json/scan.ts';
import { members, stringOf } from '../core/json/slice.ts';
import { APPS_EXTENSION, TASKS_EXTENSION } from './capabilities.ts';
import { serverInfo, type ServerIdentity } from './meta.ts';
import { isSince, LATEST_MODERN, MODERN_VERSIONS, negotiate, type Spoken } from './versions.ts';

/** What the visible backends of one viewer offer besides tools, which are always there. */
export interface OfferedCapabilities {
  readonly prompts: boolean;
  readonly resources: boolean;
  /** Updates of single resources; nothing without `resources`. */
  readonly subscribe: boolean;
  readonly completions: boolean;
  readonly logging: boolean;
  /** Tool calls as tasks. */
  readonly tasks: boolean;
  /** Pages of the one backend of this endpoint. */
  readonly apps: boolean;
}

/** Only what is bridged end to end is offered: no other extension, no `experimental`. Change notices are ours to find, so they are always promised. */
function capabilities(offered: OfferedCapabilities, { era, version }: Spoken): RawJson {
  const extensions = { ...(offered.tasks && era === 'modern' ? { [TASKS_EXTENSION]: {} } : {}), ...(offered.apps ? { [APPS_EXTENSION]: {} } : {}) };
  return toRaw({
    tools: { listChanged: true },
    ...(offered.prompts ? { prompts: { listChanged: true } } : {}),
    ...(offered.resources ? { resources: { ...(offered.subscribe ? { subscribe: true } : {}), listChanged: true } } : {}),
    ...(offered.completions ? { completions: {} } : {}),
    ...(offered.logging ? { logging: {} } : {}),
    ...(Object.keys(extensions).length > 0 ? { extensions } : {}),
    ...(offered.tasks && era === 'legacy' && isSince(version, '2025-11-25') ? { tasks: { list: {}, cancel: {}, requests: { tools: { call: {} } } } } : {}),
  });
}

export function initializeResult(version: string, identity: ServerIdentity, instructions: string, offered: OfferedCapabilities): RawJson {
  return objectOf([
    ['protocolVersion', quote(version)],
    ['capabilities', capabilities(offered, { era: 'legacy', version })],
    ['serverInfo', serverInfo(identity)],
    ['instructions', quote(instructions)],
  ]);
}

export function discoverResult(instructions: string, offered: OfferedCapabilities): RawJson {
  return objectOf([
    ['supportedVersions', toRaw(MODERN_VERSIONS)],
    ['capabilities', capabilities(offered, { era: 'modern', version: LATEST_MODERN })],
    ['instructions', quote(instructions)],
  ]);
}

/** The revision to answer an `initialize` with, or undefined when its params are not those of an initialize. */
export function negotiatedVersion(params: RawJson | undefined): string | undefined {
  const all = members(params);
  const text = stringOf(all?.get('protocolVersion'));
  if (all === undefined || text === undefined || !all.has('capabilities') || !all.has('clientInfo')) return undefined;
  return negotiate(text);
}

export interface Section {
  readonly backend: string;
  readonly text: string | undefined;
}

const SECTION_MAX = 2048;
const TOTAL_MAX = 8192;

/**
 * Untrusted text of visible backends, capped and stripped of control characters, each under a heading of ours. Every line of theirs
 * is set in, so that none of them can write the heading of another backend.
 */
export function mergedInstructions(sections: readonly Section[], prefixed: boolean): string {
  const intro = 'Sentinel governs these tools: calls are authenticated, decided by policy and recorded.';
  const parts = [prefixed && sections.length > 0 ? `${intro} A tool of backend X is named X__tool.` : intro];
  for (const { backend, text } of sections) {
    const clean = text === undefined ? '' : withoutControls(text).slice(0, SECTION_MAX).trim();
    if (clean !== '') parts.push(`[${backend}]\n${clean.replaceAll(/^/gm, '  ')}`);
  }
  return parts.join('\n\n').slice(0, TOTAL_MAX);
}

function withoutControls(text: string): string {
  return text.replaceAll(/[^\P{C}\n\t]/gu, '');
}
