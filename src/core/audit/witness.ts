// Checkpoints of other gateways, kept in this one's audit: an anchor that whoever can write their journal cannot reach. What arrives is text of somebody
// who has shown nothing yet; the signature of a node's key is all that speaks for it.

/** Where a gateway takes checkpoints of others, and where it sends its own. */
export const CHECKPOINTS_PATH = '/audit/checkpoints';
export const CHECKPOINTS_TYPE = 'application/x-ndjson';
/** Of one request. A note has some 300 bytes. */
export const MOST_BODY_BYTES: number = 256 * 1024;
export const MOST_NOTES = 1000;

/** What one request came to. */
export type Witnessed =
  /** All of them are on this gateway's disk: `known` were there before. */
  | { readonly kind: 'kept'; readonly recorded: number; readonly known: number }
  /** One of them at least says something else of records that an earlier one spoke of. It is on record too. */
  | { readonly kind: 'conflict' }
  /** Signed by nobody who is believed here. `forged`: in the name of a key that is. */
  | { readonly kind: 'untrusted'; readonly forged: boolean }
  | { readonly kind: 'malformed' }
  /** This gateway's own: nobody is a witness for themselves. */
  | { readonly kind: 'own' }
  /** More than a node may send, or than can be looked at now. */
  | { readonly kind: 'wait'; readonly why: 'rate' | 'crowded'; readonly ms: number }
  /** The journal cannot be written. */
  | { readonly kind: 'unrecorded' };

export interface WitnessPort {
  /** The body of one request. Resolves when what is to be kept is durable. Never rejects. */
  take(text: string): Promise<Witnessed>;
}

/** Since the start, for metrics. */
export interface WitnessCounts {
  readonly recorded: number;
  readonly known: number;
  readonly conflict: number;
  readonly refused: number;
  /** Requests that were told to come again later. */
  readonly delayed: number;
}

/** A checkpoint as it goes on record. */
export interface WitnessedFact {
  readonly node: string;
  readonly epoch: number;
  readonly size: number;
  /** The signed note, whole: `sentinel audit verify --anchor` reads it there. */
  readonly checkpoint: string;
  /** Another one of the same node, epoch and size has another root. */
  readonly conflict?: true;
}

/** The notes of a body: one `{"checkpoint": "…"}` a line, as exports write them. Undefined: it is something else, or too much. */
export function notesIn(text: string): readonly string[] | undefined {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  if (lines.length === 0 || lines.length > MOST_NOTES) return undefined;
  const notes = lines.flatMap((line) => noteIn(line) ?? []);
  return notes.length === lines.length ? notes : undefined;
}

function noteIn(line: string): string | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && 'checkpoint' in value && typeof value.checkpoint === 'string' ? value.checkpoint : undefined;
  } catch {
    return undefined;
  }
}
