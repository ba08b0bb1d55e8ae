// What one principal sees at one endpoint: the list, the look-up by name and the digest that tells whether it changed.
import type { Catalog, ToolEntry } from '../core/catalog.ts';
import type { Endpoint } from '../core/call.ts';
import type { Timestamp } from '../core/ids.ts';
import type { Viewer } from '../core/inbound.ts';
import type { RawJson } from '../core/json/scan.ts';
import type { Digest } from '../core/ports.ts';
import { isVisible } from '../core/policy/decide.ts';
import type { Snapshot } from '../core/snapshot.ts';

export interface VisibleTool {
  readonly entry: ToolEntry;
  /** Under the name of this endpoint. */
  readonly definition: RawJson;
}

export function visibleTools(snapshot: Snapshot, viewer: Viewer, now: Timestamp): readonly VisibleTool[] {
  const visible = entriesAt(snapshot.catalog, viewer.endpoint).filter((entry) => isVisible(snapshot.policy, viewer.principal, entry.target, now));
  const single = viewer.endpoint.kind === 'single';
  return visible.map((entry) => ({ entry, definition: single ? entry.definition : entry.exposedDefinition }));
}

function entriesAt(catalog: Catalog, endpoint: Endpoint): readonly ToolEntry[] {
  return endpoint.kind === 'merged' ? catalog.tools : [...(catalog.byBackend.get(endpoint.backend)?.tools.values() ?? [])];
}

/** Exact bytes in a map: no folding, no splitting, no fallback (C06). */
export function lookUp(catalog: Catalog, endpoint: Endpoint, name: string): ToolEntry | undefined {
  return endpoint.kind === 'merged' ? catalog.byExposed.get(name) : catalog.byBackend.get(endpoint.backend)?.tools.get(name);
}

export function viewDigest(tools: readonly VisibleTool[], digest: Digest): string {
  return digest(tools.map(({ entry }) => `${entry.target.backend}/${entry.exposed}\u0000${entry.digest}`).join('\n'));
}

/** Instructions of backends of which this principal sees at least one tool. */
export function visibleSections(snapshot: Snapshot, tools: readonly VisibleTool[]): readonly { backend: string; text: string | undefined }[] {
  const seen = new Set(tools.map(({ entry }) => entry.target.backend));
  return [...snapshot.catalog.byBackend.values()].filter((view) => seen.has(view.backend)).map((view) => ({ backend: view.backend, text: view.instructions }));
}
