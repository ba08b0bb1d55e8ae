// Exposed tool names: assigned once when the catalogue is built, deterministic, and never parsed again.
// Clients and models cap names at 64 of [A-Za-z0-9_-]; a lossy mapping always carries a digest, so adding a
// backend or a tool never renames another.
import type { Digest } from '../ports.ts';

const NAME_MAX = 64;
const SEPARATOR = '__';
const SUFFIX_HEX = 8;
const UNSAFE = /[^A-Za-z0-9_-]/g;

export function prefixedName(backend: string, tool: string, digest: Digest): string {
  return fitted(`${backend}${SEPARATOR}`, backend, tool, digest);
}

/** `catalog.names = "bare"`: the tool's own name. Two backends with one name is a collision, decided by the catalogue. */
export function bareName(backend: string, tool: string, digest: Digest): string {
  return fitted('', backend, tool, digest);
}

function fitted(prefix: string, backend: string, tool: string, digest: Digest): string {
  const safe = tool.replaceAll(UNSAFE, '_');
  if (safe === tool && prefix.length + tool.length <= NAME_MAX) return `${prefix}${tool}`;
  const suffix = `_${digest(`${backend}\u0000${tool}`).slice(0, SUFFIX_HEX)}`;
  return `${prefix}${safe.slice(0, NAME_MAX - prefix.length - suffix.length)}${suffix}`;
}
