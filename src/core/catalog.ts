// What exists behind the gateway, by the names agents see. Names are assigned here once and looked up in a map, never split.
import type { Target } from './call.ts';
import type { BackendId } from './ids.ts';
import type { RawJson } from './json/scan.ts';
import type { Mirror } from './mirrors.ts';

/** Hints a backend claims about itself. Untrusted: never a reason to allow (C12 of the protocol checklist). */
export interface ToolHints {
  readonly readOnly: boolean;
  readonly idempotent: boolean;
}

export interface ToolEntry {
  readonly target: Target;
  readonly exposed: string;
  /** As the backend sent it, byte for byte. */
  readonly definition: RawJson;
  /** The same with the exposed name (and a title that names the backend). */
  readonly exposedDefinition: RawJson;
  readonly inputSchema: RawJson | undefined;
  /** Arguments that modern HTTP requests repeat as headers; none where the schema breaks the rules for that. */
  readonly mirrors: readonly Mirror[];
  /** SHA-256 of `definition`, hex. */
  readonly digest: string;
  readonly hints: ToolHints;
}

export interface BackendCatalog {
  readonly backend: BackendId;
  readonly tools: ReadonlyMap<string, ToolEntry>;
  readonly instructions: string | undefined;
}

export interface CatalogProblem {
  readonly code: 'duplicate_name' | 'invalid_name' | 'collision' | 'invalid_tool';
  readonly backend: BackendId;
  readonly name: string;
  readonly note: string;
}

export interface Catalog {
  /** In the order of the configuration, then of the backend: the same in every process. */
  readonly tools: readonly ToolEntry[];
  readonly byExposed: ReadonlyMap<string, ToolEntry>;
  readonly byBackend: ReadonlyMap<BackendId, BackendCatalog>;
  readonly problems: readonly CatalogProblem[];
}
