// The key ring on disk: one file, readable by its owner only, replaced as a whole. Never prints a private part.
import type * as fsPromises from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose';
import { openToOthers, showMode, writableByOthers } from '../core/file-mode.ts';
import type { Clock, Random } from '../core/ports.ts';
import type { Timestamp } from '../core/ids.ts';
import { err, ok, type Result } from '../core/result.ts';
import { codeIn } from '../core/thrown.ts';
import { parseRing, type Ring, type RingKey, rotated, writeRing } from './ring.ts';

export type KeyFs = Pick<typeof fsPromises, 'open' | 'mkdir' | 'rename' | 'link' | 'unlink' | 'stat'>;

export interface KeyFault {
  readonly code: 'permissions' | 'unreadable' | 'corrupt' | 'unwritable';
  readonly message: string;
  /** A command that mends it, where there is one. */
  readonly help: string | undefined;
}

export interface KeyDeps {
  readonly fs: KeyFs;
  readonly clock: Pick<Clock, 'wall'>;
  readonly random: Pick<Random, 'token'>;
}

const MAX_RING_BYTES = 64 * 1024;

export function ringPath(directory: string): string {
  return join(directory, 'ring.json');
}

/** Undefined when there is no ring yet. Others may neither read the file nor write to its directory. */
export async function readRing(fs: Pick<KeyFs, 'open' | 'stat'>, directory: string): Promise<Result<Ring | undefined, KeyFault>> {
  const path = ringPath(directory);
  try {
    const text = await readPrivate(fs, path);
    if (!text.ok) return text;
    const ring = parseRing(text.value);
    if (ring === undefined) return fault('corrupt', `${path} is not a key ring`, 'restore it from a backup, or move it away and run: sentinel keys rotate');
    for (const key of ring.keys) {
      if (key.kid !== (await thumbprint(key.x))) return fault('corrupt', `${path}: the key id ${key.kid} is not the thumbprint of its key`);
    }
    return ok(ring);
  } catch (cause) {
    if (codeIn(cause) === 'ENOENT') return ok(undefined);
    return fault('unreadable', `cannot read ${path}: ${codeIn(cause) ?? 'unknown fault'}`);
  }
}

async function readPrivate(fs: Pick<KeyFs, 'open' | 'stat'>, path: string): Promise<Result<string, KeyFault>> {
  const file = await fs.open(path, 'r');
  try {
    // The opened file is asked, not the path: nobody can swap it in between.
    const stat = await file.stat();
    if (!stat.isFile() || stat.size > MAX_RING_BYTES) return fault('unreadable', `${path} is not a small regular file`);
    if (openToOthers(stat.mode)) return fault('permissions', `${path} can be read by others (mode ${showMode(stat.mode)})`, `chmod 600 ${path}`);
    const directory = dirname(path);
    const around = await fs.stat(directory);
    if (writableByOthers(around.mode)) return fault('permissions', `${directory} can be written by others (mode ${showMode(around.mode)})`, `chmod 700 ${directory}`);
    return ok(await file.readFile('utf8'));
  } finally {
    await file.close();
  }
}

/** Makes the first key; when a ring is there already (also one made at the same moment), that one is returned unchanged. */
export async function generateRing(deps: KeyDeps, directory: string): Promise<Result<Ring, KeyFault>> {
  const before = await readRing(deps.fs, directory);
  if (!before.ok) return before;
  if (before.value !== undefined) return ok(before.value);
  const ring: Ring = { keys: [await freshKey(deps.clock.wall())] };
  const written = await store(deps, directory, ring, 'create');
  if (!written.ok) return written;
  if (written.value) return ok(ring);
  const other = await readRing(deps.fs, directory);
  if (!other.ok) return other;
  return other.value === undefined ? fault('unwritable', `${ringPath(directory)} came and went`) : ok(other.value);
}

/** A new signing key; the previous one verifies for `graceMs` more. Makes the first key when there is none. */
export async function rotateRing(deps: KeyDeps, directory: string, graceMs: number): Promise<Result<Ring, KeyFault>> {
  const before = await readRing(deps.fs, directory);
  if (!before.ok) return before;
  if (before.value === undefined) return generateRing(deps, directory);
  const now = deps.clock.wall();
  const ring = rotated(before.value, await freshKey(now), now, graceMs);
  const written = await store(deps, directory, ring, 'replace');
  return written.ok ? ok(ring) : written;
}

async function freshKey(now: Timestamp): Promise<RingKey> {
  const { privateKey } = await generateKeyPair('EdDSA', { extractable: true });
  const { x, d } = await exportJWK(privateKey);
  if (typeof x !== 'string' || typeof d !== 'string') throw new TypeError('an Ed25519 key without its parts');
  return { kid: await thumbprint(x), createdAt: now, x, d, graceUntil: undefined };
}

function thumbprint(x: string): Promise<string> {
  return calculateJwkThumbprint({ kty: 'OKP', crv: 'Ed25519', x });
}

/** A crash leaves the old ring or the new one. False when `create` found that another process was first. */
async function store(deps: KeyDeps, directory: string, ring: Ring, how: 'create' | 'replace'): Promise<Result<boolean, KeyFault>> {
  const { fs } = deps;
  const path = ringPath(directory);
  const temp = `${path}.${deps.random.token(9)}`;
  try {
    await fs.mkdir(directory, { recursive: true, mode: 0o700 });
    const file = await fs.open(temp, 'wx', 0o600);
    try {
      await file.writeFile(writeRing(ring));
      await file.sync();
    } finally {
      await file.close();
    }
    if (how === 'replace') await fs.rename(temp, path);
    else await linkAndDrop(fs, temp, path);
    await syncDirectory(fs, directory);
    return ok(true);
  } catch (cause) {
    await fs.unlink(temp).catch(() => undefined);
    if (how === 'create' && codeIn(cause) === 'EEXIST') return ok(false);
    return fault('unwritable', `cannot write ${path}: ${codeIn(cause) ?? 'unknown fault'}`);
  }
}

/** `link` fails where `rename` would replace: two first starts at once must end with one ring, not with one lost. */
async function linkAndDrop(fs: KeyFs, temp: string, path: string): Promise<void> {
  await fs.link(temp, path);
  await fs.unlink(temp);
}

async function syncDirectory(fs: KeyFs, directory: string): Promise<void> {
  const handle = await fs.open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function fault(code: KeyFault['code'], message: string, help?: string): Result<never, KeyFault> {
  return err({ code, message, help });
}
