// Checkpoints (c2sp.org/tlog-checkpoint): how many records an epoch had and the root of their tree, signed by the node.
import { Buffer } from 'node:buffer';
import type { KeyObject } from 'node:crypto';
import { err, ok, type Result } from '../../core/result.ts';
import { hashFrom } from './leaf.ts';
import { type NoteFault, type VerifierKey, makeNote, openNote, parseNote } from './note.ts';

export interface Checkpoint {
  readonly node: string;
  readonly epoch: number;
  /** Records of the epoch that it covers: seq 1 to this one. */
  readonly size: number;
  /** Root of their tree, 32 bytes. */
  readonly root: Uint8Array;
}

/** What may stand in the name of a node: it is part of names of keys, of origins and of the first bytes of each record. */
export const NODE_NAME: RegExp = /^[A-Za-z0-9._-]{1,64}$/;
const NODE_IN_KEY = /^sentinel-audit\/([A-Za-z0-9._-]{1,64})$/;
const ORIGIN = /^sentinel-audit\/([A-Za-z0-9._-]{1,64})\/([1-9][0-9]{0,15})$/;
const DECIMAL = /^(?:0|[1-9][0-9]{0,15})$/;

/** The name that the checkpoints of a node are signed under. */
export function keyNameOf(node: string): string {
  return `sentinel-audit/${node}`;
}

/** The node whose key this is; undefined when it is no key of an audit. */
export function nodeOf({ name }: VerifierKey): string | undefined {
  return NODE_IN_KEY.exec(name)?.[1];
}

/** The text that is signed. */
export function checkpointText({ node, epoch, size, root }: Checkpoint): string {
  return `${keyNameOf(node)}/${epoch}\n${size}\n${Buffer.from(root).toString('base64')}\n`;
}

/** Lines behind the third are allowed there and mean nothing here. */
export function parseCheckpoint(text: string): Result<Checkpoint & { readonly root: Buffer }, NoteFault> {
  const malformed = (detail: string): Result<never, NoteFault> => err({ code: 'malformed_note', detail });
  const [origin = '', decimal = '', rootText = '', ...rest] = text.split('\n');
  if (rest.length === 0 || rest.pop() !== '' || rest.includes('')) return malformed('a checkpoint has three lines at least, none of them empty');
  const [, node = '', epochText = ''] = ORIGIN.exec(origin) ?? [];
  const [epoch, size, root] = [Number(epochText), Number(decimal), hashFrom(rootText, 'base64')];
  if (node === '' || !Number.isSafeInteger(epoch)) return malformed('its first line is not sentinel-audit/<node>/<epoch>');
  if (!DECIMAL.test(decimal) || !Number.isSafeInteger(size)) return malformed('its second line is no number of records');
  if (root === undefined) return malformed('its third line is no hash of 32 bytes in base64');
  return ok({ node, epoch, size, root });
}

/** The signed note. Throws a RangeError for what is no checkpoint: the name of the node was held to `NODE_NAME` before. */
export function signCheckpoint(checkpoint: Checkpoint, privateKey: KeyObject): string {
  const text = checkpointText(checkpoint);
  const [fit, note] = [parseCheckpoint(text), makeNote(text, [{ name: keyNameOf(checkpoint.node), privateKey }])];
  if (!fit.ok || !note.ok) throw new RangeError(`no checkpoint: ${text}`);
  return note.value;
}

/**
 * A checkpoint that may be believed. The key must be one of the node that it speaks for: else each node could sign for all others.
 * `unknown_key` also means that the node has no key among these.
 */
export function openCheckpoint(note: string, keys: readonly VerifierKey[]): Result<Checkpoint & { readonly root: Buffer }, NoteFault> {
  const opened = openNote(note, keys);
  if (!opened.ok) return opened;
  const parsed = parseCheckpoint(opened.value.text);
  if (!parsed.ok) return parsed;
  const { node } = parsed.value;
  if (opened.value.by.some((key) => key.name === keyNameOf(node))) return parsed;
  return err({ code: 'unknown_key', detail: `it speaks for node ${node}, and is signed by ${opened.value.by.map(({ name }) => name).join(', ')}` });
}

/** What a note says it is about, whether it is to be believed or not. Epoch 0: nothing. */
export function saidIn(note: string): { readonly node: string; readonly epoch: number; readonly size: number } {
  const parsed = parseNote(note);
  const checkpoint = parsed.ok ? parseCheckpoint(parsed.value.text) : parsed;
  return checkpoint.ok ? checkpoint.value : { node: '', epoch: 0, size: 0 };
}
