// What tells the callable methods apart. All else (probes, stages, dispatch, screen, record) is one path for all: see serve.ts.
import type { Endpoint, Era, ServedCall, Target, TargetKind, ToolCall } from '../../core/call.ts';
import type { BackendCatalog, Catalog } from '../../core/catalog.ts';
import type { RawJson } from '../../core/json/scan.ts';
import type { WireError } from '../../relay/errors.ts';
import type { RequestMeta } from '../../relay/meta.ts';
import type { HandleFault } from '../handles.ts';

/** What every one of them carries. */
export type Basis = Pick<ToolCall, 'id' | 'principal' | 'origin' | 'target' | 'at' | 'wall' | 'exposed' | 'meta' | 'wantsProgress' | 'continuation'>;

/** Something of that name is there; whether this principal may know it is for the stages to say. */
export interface Found {
  readonly target: Target;
  call(basis: Basis): ServedCall;
}

/** What one request asks for, read from its params before anything is looked up. */
export interface Asked {
  readonly kind: TargetKind;
  /** Name or URI as the agent wrote it. */
  readonly exposed: string;
  readonly meta: RequestMeta;
  /** What the request says besides its name; a retry must say the same. */
  readonly content: string;
  /** `task` of the params: a wish of 2025-11-25. */
  readonly task?: RawJson | undefined;
  /** Why an id that was not found is no good. For the record only. */
  readonly fault?: HandleFault | undefined;
  /** Exact bytes in maps: no folding, no splitting of names, no fallback (C06). */
  find(catalog: Catalog, endpoint: Endpoint): Found | undefined;
  /** The same for what is hidden, unknown or not judgeable (C01). */
  unknown(era: Era): WireError;
}

export interface CallMethod {
  /** What is answered to params that are not of this method. */
  readonly invalid: string;
  /** May be answered with `input_required`, and retried with what was asked for (MRTR). */
  readonly continues: boolean;
  /** All that costs more for a longer message is done here: a hidden name must not take longer than none. */
  ask(params: RawJson | undefined): Asked | undefined;
}

/** The backend of an endpoint that is of one. */
export function viewOf(catalog: Catalog, endpoint: Endpoint): BackendCatalog | undefined {
  return endpoint.kind === 'single' ? catalog.byBackend.get(endpoint.backend) : undefined;
}

/** Longest piece of a name or URI that is repeated in an answer or a record. */
export const NAME_ECHO = 128;
