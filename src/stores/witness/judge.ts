// Whether a checkpoint of another node goes on record here: from the text of a note to a verdict. Decides and remembers; reads and writes nothing.
import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';
import type { WitnessedFact } from '../../core/audit/witness.ts';
import { maskSecrets } from '../../core/masking.ts';
import { storable } from '../../core/text.ts';
import { type Checkpoint, keyNameOf, openCheckpoint, parseCheckpoint } from '../tlog/checkpoint.ts';
import { type NoteFault, parseNote, type VerifierKey } from '../tlog/note.ts';

export type Verdict =
  /** To be recorded. `conflict`: it has another root than one of the same size. */
  | { readonly kind: 'new' | 'conflict'; readonly checkpoint: Checkpoint; readonly fact: WitnessedFact }
  /** On record already. `isSameText`: letter for letter, so that nothing had to be verified. */
  | { readonly kind: 'known' | 'known_conflict'; readonly node: string; readonly isSameText: boolean }
  | { readonly kind: 'refused'; readonly why: 'own' | 'malformed' | 'unknown_key' | 'bad_signature' };

export interface Trust {
  /** This gateway's node. */
  readonly own: string;
  readonly keys: readonly VerifierKey[];
}

/** As JSON, in which it stands in a record: that cuts what is larger, and half a note is no evidence. An honest one has 300 bytes. */
const MOST_NOTE_BYTES = 4096;
/** Each line of a known key is verified, and the same line can stand there many times. */
const MOST_SIGNATURES = 8;

export function judge(note: string, { own, keys }: Trust, seen: Seen): Verdict {
  if (!isKeptWhole(note)) return { kind: 'refused', why: 'malformed' };
  const parsed = parseNote(note);
  const claimed = parsed.ok && parsed.value.signatures.length <= MOST_SIGNATURES ? parseCheckpoint(parsed.value.text) : undefined;
  if (claimed?.ok !== true) return { kind: 'refused', why: 'malformed' };
  const { node } = claimed.value;
  if (node === own) return { kind: 'refused', why: 'own' };
  // The very text whose signature held before: to check it once more would cost a hundred times as much, for everybody who has a copy.
  if (keys.some(({ name }) => name === keyNameOf(node)) && seen.holds(claimed.value, note)) return verdictOf(claimed.value, note, seen, true);
  const opened = openCheckpoint(note, keys);
  if (!opened.ok) return { kind: 'refused', why: refusalOf(opened.error) };
  return verdictOf(opened.value, note, seen, false);
}

function verdictOf(checkpoint: Checkpoint, note: string, seen: Seen, isSameText: boolean): Verdict {
  const { node, epoch, size } = checkpoint;
  const kind = seen.look(checkpoint);
  if (kind === 'known' || kind === 'known_conflict') return { kind, node, isSameText };
  return { kind, checkpoint, fact: { node, epoch, size, ...(kind === 'conflict' ? { conflict: true } : {}), checkpoint: note } };
}

/** A record masks what looks like a secret, and escapes what no database takes: after that no signature would hold. */
function isKeptWhole(note: string): boolean {
  return note.length <= MOST_NOTE_BYTES && Buffer.byteLength(JSON.stringify(note)) <= MOST_NOTE_BYTES && storable(maskSecrets(note)) === note;
}

function refusalOf({ code }: NoteFault): 'malformed' | 'unknown_key' | 'bad_signature' {
  return code === 'malformed_key' || code === 'malformed_note' ? 'malformed' : code;
}

type Looked = 'new' | 'known' | 'conflict' | 'known_conflict';

interface Root {
  readonly root: string;
  /** Digest of the note that said so. */
  readonly note: string;
}

export interface SeenBounds {
  /** Epochs, of all nodes. */
  readonly runs: number;
  /** Sizes of one epoch. */
  readonly sizes: number;
}

const BOUNDS: SeenBounds = { runs: 1000, sizes: 64 };
/** Roots of one size: the first, which the others are held to, and the last ones. */
const ROOTS = 4;

/** What is on record of the newest checkpoints. What was forgotten may go on record a second time. */
export class Seen {
  readonly #bounds: SeenBounds;
  readonly #runs = new Map<string, Map<number, readonly Root[]>>();

  constructor(bounds: SeenBounds = BOUNDS) {
    this.#bounds = bounds;
  }

  look({ node, epoch, size, root }: Checkpoint): Looked {
    const at = this.#roots(node, epoch, size).findIndex((one) => one.root === textOf(root));
    if (at >= 0) return at === 0 ? 'known' : 'known_conflict';
    return this.#roots(node, epoch, size).length === 0 ? 'new' : 'conflict';
  }

  /** This text, and its signature held. */
  holds({ node, epoch, size, root }: Checkpoint, note: string): boolean {
    const known = this.#roots(node, epoch, size).find((one) => one.root === textOf(root));
    return known !== undefined && known.note === digestOf(note);
  }

  keep({ node, epoch, size, root }: Checkpoint, note: string): void {
    const run = this.#runs.get(keyOf(node, epoch)) ?? new Map<number, readonly Root[]>();
    const [first, ...later] = this.#roots(node, epoch, size);
    const added = { root: textOf(root), note: digestOf(note) };
    run.set(size, first === undefined ? [added] : [first, ...[...later, added].slice(1 - ROOTS)]);
    trim(run, this.#bounds.sizes);
    // Behind the others again: what is heard of is not forgotten first.
    this.#runs.delete(keyOf(node, epoch));
    this.#runs.set(keyOf(node, epoch), run);
    trim(this.#runs, this.#bounds.runs);
  }

  /** It did not go on record after all. */
  drop({ node, epoch, size, root }: Checkpoint): void {
    const left = this.#roots(node, epoch, size).filter((one) => one.root !== textOf(root));
    const run = this.#runs.get(keyOf(node, epoch));
    if (left.length > 0) run?.set(size, left);
    else run?.delete(size);
  }

  #roots(node: string, epoch: number, size: number): readonly Root[] {
    return this.#runs.get(keyOf(node, epoch))?.get(size) ?? [];
  }
}

function keyOf(node: string, epoch: number): string {
  return `${node}/${epoch}`;
}

function textOf(root: Uint8Array): string {
  return Buffer.from(root).toString('base64');
}

function digestOf(note: string): string {
  return hash('sha256', note, 'base64');
}

/** Maps keep the order in which entries came: the first is the oldest. */
function trim<Key>(kept: Map<Key, unknown>, most: number): void {
  for (const key of kept.keys()) {
    if (kept.size <= most) return;
    kept.delete(key);
  }
}
