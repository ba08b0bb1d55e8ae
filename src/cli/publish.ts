// Reports as --json prints them: snake_case keys, RFC 3339 times. Pure.
import { rfc3339 } from './render.ts';

/** Members that hold wall-clock milliseconds, in every report. */
const TIMES: ReadonlySet<string> = new Set(['at', 'until', 'since', 'oldest', 'startedAt', 'wall', 'expiresAt', 'issuedAt']);

export function publish(value: unknown, key: string = ''): unknown {
  if (typeof value === 'number' && TIMES.has(key)) return rfc3339(value);
  if (Array.isArray(value)) return value.map((item) => publish(item));
  return typeof value === 'object' && value !== null ? publishObject(value) : value;
}

export function publishObject(value: object): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [snake(name), publish(member, name)]));
}

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
