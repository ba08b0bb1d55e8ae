// What `explain` was asked about: a tool, prompt or resource by the name agents see or by the canonical one, and the call that would be made of it.
// Whatever is hidden from everybody is unknown here too.
import { targetKey, type PromptCall, type ResourceCall, type Target, type ToolCall } from '../core/call.ts';
import type { BackendCatalog, Entry } from '../core/catalog.ts';
import type { RawJson } from '../core/json/scan.ts';
import type { Snapshot } from '../core/snapshot.ts';
import { resourceAt } from '../pipeline/calls/resource.ts';

export type ExplainedCall = ToolCall | PromptCall | ResourceCall;
/** What calls of every kind carry. */
export type CallBasis = Omit<ToolCall, 'kind' | 'target' | 'exposed' | 'args'>;

export interface Explained {
  readonly target: Target;
  call(basis: CallBasis, args: RawJson | undefined): ExplainedCall;
}

export function explainedAt(snapshot: Snapshot, text: string): Explained | undefined {
  if (text.startsWith('resource:')) return resourceNamed(snapshot, text.slice('resource:'.length));
  if (text.startsWith('prompt:')) return promptNamed(snapshot, text.slice('prompt:'.length));
  return toolNamed(snapshot, text.startsWith('tool:') ? text.slice('tool:'.length) : text);
}

function toolNamed({ catalog }: Snapshot, text: string): Explained | undefined {
  const entry = catalog.byExposed.get(text) ?? listed(catalog.byBackend, (view) => view.tools).find(({ target }) => targetKey(target) === text);
  if (entry === undefined) return undefined;
  const { target, exposed } = entry;
  return { target, call: (basis, args) => ({ ...basis, kind: 'tool', target, exposed, args }) };
}

function promptNamed({ catalog }: Snapshot, text: string): Explained | undefined {
  const entry = catalog.promptsByExposed.get(text) ?? listed(catalog.byBackend, (view) => view.prompts).find(({ target }) => `${target.backend}/${target.name}` === text);
  if (entry === undefined) return undefined;
  const { target, exposed } = entry;
  return { target, call: (basis, args) => ({ ...basis, kind: 'prompt', target, exposed, args }) };
}

/** As `backend/uri`, or as agents of `/mcp` write it. A URI need not be listed: a template has more of them. */
function resourceNamed({ catalog }: Snapshot, text: string): Explained | undefined {
  const own = [...catalog.byBackend.keys()].find((id) => text.startsWith(`${id}/`));
  const at = own === undefined ? resourceAt(catalog, { kind: 'merged' }, text) : resourceAt(catalog, { kind: 'single', backend: own }, text.slice(own.length + 1));
  if (at === undefined) return undefined;
  const { target, uri } = at;
  return { target, call: (basis) => ({ ...basis, kind: 'resource', target, exposed: uri, uri }) };
}

function listed<E extends Entry>(byBackend: Snapshot['catalog']['byBackend'], list: (view: BackendCatalog) => ReadonlyMap<string, E>): readonly E[] {
  return [...byBackend.values()].flatMap((view) => [...list(view).values()]);
}
