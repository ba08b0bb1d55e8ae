// What exists behind the gateway, by the names agents see. Names are assigned here once and looked up in a map, never split.
import type { Era, Target } from './call.ts';
import type { BackendId } from './ids.ts';
import type { BackendOffers } from './ports.ts';
import type { RawJson } from './json/scan.ts';
import type { Mirror } from './mirrors.ts';
import type { Pattern } from './policy/globs.ts';

/** Whether calls of a tool may, or must, be tasks (2025-11-25 `execution.taskSupport`). */
export type TaskSupport = 'forbidden' | 'optional' | 'required';

/** Hints a backend claims about itself. Untrusted: never a reason to allow (C12 of the protocol checklist). */
export interface ToolHints {
  readonly readOnly: boolean;
  readonly idempotent: boolean;
}

export interface Entry {
  readonly target: Target;
  /** Name, URI or URI template on the merged endpoint. */
  readonly exposed: string;
  /** As the backend sent it, byte for byte. */
  readonly definition: RawJson;
  /** The same with the exposed name or URI. */
  readonly exposedDefinition: RawJson;
  /** SHA-256 of `definition`, hex. */
  readonly digest: string;
}

export interface ToolEntry extends Entry {
  readonly inputSchema: RawJson | undefined;
  /** Arguments that modern HTTP requests repeat as headers; none where the schema breaks the rules for that. */
  readonly mirrors: readonly Mirror[];
  readonly hints: ToolHints;
  readonly taskSupport: TaskSupport;
}

export interface BackendCatalog {
  readonly backend: BackendId;
  /** The scheme prefix of its URIs on the merged endpoint: `<prefix>+<uri>`. */
  readonly uriPrefix: string;
  /** By original name or URI. */
  readonly tools: ReadonlyMap<string, ToolEntry>;
  readonly prompts: ReadonlyMap<string, Entry>;
  readonly resources: ReadonlyMap<string, Entry>;
  readonly templates: ReadonlyMap<string, Entry>;
  /** What exists for nobody, also where it is not listed: resources are read by any URI. */
  readonly hide: readonly Pattern[];
  readonly offers: BackendOffers;
  readonly era: Era;
  /** The revision it speaks. */
  readonly version: string;
  readonly instructions: string | undefined;
}

export interface CatalogProblem {
  readonly code: 'duplicate_name' | 'invalid_name' | 'collision' | 'invalid_tool' | 'unused';
  readonly backend: BackendId;
  readonly name: string;
  readonly note: string;
}

export interface Catalog {
  /** In the order of the configuration, then of the backend: the same in every process. */
  readonly tools: readonly ToolEntry[];
  readonly prompts: readonly Entry[];
  readonly resources: readonly Entry[];
  readonly templates: readonly Entry[];
  /** Tools and prompts are looked up by whole names, never split. */
  readonly byExposed: ReadonlyMap<string, ToolEntry>;
  readonly promptsByExposed: ReadonlyMap<string, Entry>;
  /** Whose URIs carry a prefix: resources are routed by it, for a template has more URIs than can be listed. */
  readonly byUriPrefix: ReadonlyMap<string, BackendId>;
  readonly byBackend: ReadonlyMap<BackendId, BackendCatalog>;
  readonly problems: readonly CatalogProblem[];
}
