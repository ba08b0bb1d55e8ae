// Checks records of the audit as they come, of many nodes and epochs at once, against their chains, their trees and what was signed. Offline: all it
// knows is what it is given. Memory is for each epoch, not for each record.
import { Buffer } from 'node:buffer';
import { err, ok, type Result } from '../../core/result.ts';
import { NODE_NAME, nodeOf, openCheckpoint, saidIn } from './checkpoint.ts';
import { type Beginning, EpochCheck } from './epoch-check.ts';
import { Head, jsonFault, prefixOf, startsWith } from './head.ts';
import { hashFrom } from './leaf.ts';
import { lostEpochs } from './lost-epochs.ts';
import type { VerifierKey } from './note.ts';
import { type Finding, Spot, type Stray } from './spot.ts';
import { Frontier, type TreeFault } from './tree.ts';
import { type Divergence, type EpochPlace, type Verdict, compareEpochs } from './verdict.ts';

export interface VerifyOptions {
  /** Whom to believe: keys named `sentinel-audit/<node>`. Records of a node without one are `foreign`. */
  readonly keys: readonly VerifierKey[];
  /** Where epochs begin that are not here from their first record on: after retention. Earlier epochs of these nodes are not missed. */
  readonly starts?: readonly EpochPlace[];
  /** By node, the highest epoch that was claimed before the starts: those without a start may have ended before, and are not missed. */
  readonly claimed?: ReadonlyMap<string, number>;
  /** Reads each record as JSON too. Several times slower. */
  readonly strict?: boolean;
  /** Takes records of nodes without a key as well: then only their chains are checked. */
  readonly strangers?: boolean;
}

/** A state takes about 1 KB. */
const MOST_EPOCHS = 65_536;
const MOST_NOTE_PROBLEMS = 100;
const ROOM = 1 << 17;
const UNIT_BYTES = 3;
/** Where a record lies while it is looked at. */
const common = Buffer.alloc(1 + ROOM);

/** Fails when a start is no start: its frontier or its `prev` cannot be. */
export function createVerifier(options: VerifyOptions): Result<Verifier, TreeFault> {
  const beginnings: (readonly [EpochPlace, Beginning])[] = [];
  const nodes = new Set(options.keys.flatMap((key) => nodeOf(key) ?? []));
  for (const start of options.starts ?? []) {
    const [tree, last] = [Frontier.parse(start.firstSeq - 1, start.frontier), hashFrom(start.prev, 'base64url')];
    if (!tree.ok) return tree;
    if (last === undefined || !NODE_NAME.test(start.node)) return err({ code: 'malformed_frontier', detail: `the start of epoch ${start.epoch} has no hash before it, or no node` });
    // Of a node of which no key is trusted its records are foreign, wherever they begin.
    if (nodes.has(start.node) || options.strangers === true) beginnings.push([start, { firstSeq: start.firstSeq, last, tree: tree.value }]);
  }
  return ok(new Verifier(options, beginnings));
}

/** Made by `createVerifier`. Records of one epoch come in their order; epochs may come in any, and mixed. */
export class Verifier {
  readonly #options: VerifyOptions;
  readonly #nodes: ReadonlySet<string>;
  /** By what each line of the epoch begins with. */
  readonly #epochs = new Map<string, EpochCheck>();
  readonly #head: Head = new Head();
  readonly #here: Spot = new Spot();
  readonly #shared: { stray: Stray | undefined } = { stray: undefined };
  readonly #noteProblems: Divergence[] = [];
  #source = '';
  #current: EpochCheck | undefined;
  /** The first of each. */
  #foreign: Finding | undefined;
  #tooMany: Finding | undefined;
  /** A line that no gap has claimed, said of the place behind the record before it. */
  #unread: Finding | undefined;
  #records = 0;
  #passedOver = 0;

  constructor(options: VerifyOptions, beginnings: readonly (readonly [EpochPlace, Beginning])[]) {
    this.#options = options;
    this.#nodes = new Set(options.keys.flatMap((key) => nodeOf(key) ?? []));
    for (const [{ node, epoch }, beginning] of beginnings) this.#epochs.set(prefixOf(node, epoch), new EpochCheck(node, epoch, this.#shared, beginning));
  }

  /** Lines so far. */
  get records(): number {
    return this.#records;
  }

  /** Names what the next records come from: `where` of a finding is this and a line. */
  source(name: string): void {
    this.#source = name;
  }

  /**
   * A checkpoint that lies beside the records. It must come before the second record behind those it covers: later ones are only counted (`unchecked`).
   */
  checkpoint(note: string, where: string): void {
    this.#note(note, where, false);
  }

  /** A checkpoint that was kept elsewhere. One of a node of which no key is trusted is passed over. As early as a checkpoint. */
  anchor(note: string, where: string): void {
    this.#note(note, where, true);
  }

  /**
   * An epoch that is here from `firstSeq` on, and of which nobody knows the tree before: its chain is checked, and no root is. Before its records;
   * when some of it is here already, this says nothing.
   */
  beginLate({ node, epoch, firstSeq, prev }: Omit<EpochPlace, 'frontier'>): void {
    const [prefix, last] = [prefixOf(node, epoch), hashFrom(prev, 'base64url')];
    const known = this.#epochs.get(prefix);
    if (last === undefined || known?.trusted === true || (known?.records ?? 0) > 0) return;
    const late = new EpochCheck(node, epoch, this.#shared, { firstSeq, last, tree: undefined });
    for (const promise of known?.promises ?? []) late.know(promise);
    this.#epochs.set(prefix, late);
    if (this.#current === known) this.#current = undefined;
  }

  /** An epoch that began, as somebody says without a signature: when none of it comes, it is missing. */
  announce(node: string, epoch: number, where: string): void {
    this.#known(node, epoch).announced = where;
  }

  /** An epoch that is gone by right when none of it comes. */
  retire(node: string, epoch: number): void {
    this.#known(node, epoch).retired = true;
  }

  /** The next record: its text, or better the bytes as they are stored (text with letters beyond Latin-1 takes twice as long). `at`: its line or row, for people. */
  record(record: string | Uint8Array, at: number): void {
    const units = typeof record === 'string' ? record.length * UNIT_BYTES : record.length;
    if (typeof record === 'string' && !record.isWellFormed()) {
      this.unreadable('it holds half a surrogate pair', at);
      return;
    }
    const room = units <= ROOM ? common : Buffer.alloc(1 + units);
    let length = units;
    if (typeof record === 'string') length = room.write(record, 1, 'utf8');
    else room.set(record, 1);
    this.bytes(room, 1, 1 + length, at);
  }

  /** The same from bytes: `line` from `start` (1 or more: the byte before is borrowed) to `end`, without a line break. */
  bytes(line: Buffer, start: number, end: number, at: number): void {
    this.#records += 1;
    this.#here.advance(this.#source, at);
    const head = this.#head;
    const same = this.#current !== undefined && startsWith(line, start, end, this.#current.prefix);
    const digits = same ? start + (this.#current?.prefix.length ?? 0) : head.epochEnd(line, start, end);
    if (digits < 0) {
      this.#stray('it does not begin as a record of version 2');
      return;
    }
    const fault = head.read(line, digits, end) ?? (this.#options.strict === true ? jsonFault(line, start, end, head) : undefined);
    const epoch = same ? this.#current : this.#other(line, start, digits, fault === undefined);
    if (fault === undefined) epoch?.take(line, start, end, head, this.#here);
    else if (epoch?.unreadable(head.seq, fault, this.#here) !== true) this.#stray(fault);
    this.#current = epoch ?? this.#current;
  }

  /** A line that its source could not even hand over. */
  unreadable(detail: string, at: number): void {
    this.#records += 1;
    this.#here.advance(this.#source, at);
    this.#stray(detail);
  }

  /** What it all comes to. Nothing may follow. */
  finish(): Verdict {
    const epochs = [...this.#epochs.values()].toSorted(compareEpochs);
    for (const epoch of epochs) epoch.finish();
    if (this.#shared.stray === undefined) this.#unread = undefined;
    const found = [this.#foreign, this.#tooMany, this.#unread, ...epochs.map(({ finding }) => finding)].filter((finding) => finding !== undefined);
    const inOrder = found.toSorted((one, other) => (one.order === other.order ? 0 : one.order - other.order));
    const { lost, expired } = lostEpochs(epochs, { starts: this.#options.starts ?? [], claimed: this.#options.claimed ?? new Map() });
    return {
      records: this.#records,
      epochs: epochs.filter(({ records, trusted }) => records > 0 || trusted).map((epoch) => epoch.report()),
      problems: [...inOrder.map(({ divergence }) => divergence), ...lost, ...this.#noteProblems],
      passedOver: this.#passedOver + expired,
    };
  }

  /** The epoch that a line of another one than the last belongs to. Undefined: that has been found fault with. */
  #other(line: Buffer, start: number, digits: number, readable: boolean): EpochCheck | undefined {
    const prefix = line.toString('latin1', start, digits);
    if (readable && this.#current?.isFollowedBy(line, this.#head.prevAt) === true) {
      const { node = '', epoch = 0 } = placeIn(prefix);
      this.#current.changed(`record ${this.#head.seq} of epoch ${epoch} of node ${node}`, this.#here);
      return undefined;
    }
    return this.#epochs.get(prefix) ?? (readable ? this.#begin(prefix) : undefined);
  }

  #begin(prefix: string): EpochCheck | undefined {
    const { node, epoch } = placeIn(prefix);
    const divergence = { node, epoch, seq: this.#head.seq, where: this.#here.toString() };
    if (!this.#nodes.has(node) && this.#options.strangers !== true) {
      this.#foreign ??= { order: this.#here.order, divergence: { ...divergence, problem: 'foreign', detail: 'no key of this node is trusted here' } };
      return undefined;
    }
    if (this.#epochs.size >= MOST_EPOCHS) {
      this.#tooMany ??= { order: this.#here.order, divergence: { ...divergence, problem: 'too_many_epochs', detail: `there are more than ${MOST_EPOCHS}: check them in parts` } };
      return undefined;
    }
    const begun = new EpochCheck(node, epoch, this.#shared);
    this.#epochs.set(prefix, begun);
    return begun;
  }

  #stray(detail: string): void {
    if (this.#unread !== undefined) return;
    const where = this.#here.toString();
    const { node = '', epoch = 0, next: seq = 0 } = this.#current ?? {};
    this.#shared.stray = { order: this.#here.order, where, detail };
    this.#unread = { order: this.#here.order, divergence: { node, epoch, seq, where, problem: 'unreadable', detail } };
  }

  #note(note: string, where: string, anchor: boolean): void {
    const opened = openCheckpoint(note, this.#options.keys);
    if (!opened.ok) {
      const { node, epoch, size } = saidIn(note);
      if (anchor && opened.error.code === 'unknown_key' && !this.#nodes.has(node)) this.#passedOver += 1;
      else if (this.#noteProblems.length < MOST_NOTE_PROBLEMS) {
        this.#noteProblems.push({ node, epoch, seq: size, where, problem: 'checkpoint_signature', detail: opened.error.detail });
      }
      return;
    }
    const { node, epoch, size, root } = opened.value;
    this.#known(node, epoch).know({ anchor, size, root, where });
  }

  #known(node: string, epoch: number): EpochCheck {
    const prefix = prefixOf(node, epoch);
    const check = this.#epochs.get(prefix) ?? new EpochCheck(node, epoch, this.#shared);
    this.#epochs.set(prefix, check);
    return check;
  }
}

/** Node and epoch of what `prefixOf` made. */
function placeIn(prefix: string): { readonly node: string; readonly epoch: number } {
  const [, node = '', epoch = ''] = /"node":"([^"]*)","epoch":([0-9]+)/.exec(prefix) ?? [];
  return { node, epoch: Number(epoch) };
}
