// A client's own file with our entry in it, everything else kept. Pure: text in, text out; what cannot be read is left alone.
import { err, ok } from '../../core/result.ts';
import type { Result } from '../../core/result.ts';
import { codexTable, entryFor, inputFor, serversKey } from './dialects.ts';
import type { Access, Client, JsonObject } from './dialects.ts';

/** `before` undefined: the file does not exist. */
export function mergeInto(client: Client, name: string, access: Access, before: string | undefined): Result<string, string> {
  return client === 'codex' ? ok(mergeToml(name, access, before ?? '')) : mergeJson(client, name, access, before);
}

function mergeJson(client: Client, name: string, access: Access, before: string | undefined): Result<string, string> {
  const whole = before === undefined || before.trim() === '' ? {} : parseObject(before);
  if (whole === undefined) return err('it is not plain JSON (comments are allowed by the client, but rewriting would lose them): add the entry by hand');
  const key = serversKey(client);
  const servers = whole[key] ?? {};
  if (!isObject(servers)) return err(`its "${key}" is not an object`);
  const input = inputFor(client, name, access);
  const inputs = whole['inputs'] ?? [];
  if (!isList(inputs)) return err('its "inputs" is not a list');
  const others = inputs.filter((item) => !isObject(item) || item['id'] !== input?.['id']);
  const merged = { ...whole, ...(input === undefined ? {} : { inputs: [...others, input] }), [key]: { ...servers, [name]: entryFor(client, name, access) } };
  return ok(`${JSON.stringify(merged, null, 2)}\n`);
}

function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

/** Replaces the table of that name and its sub-tables, or adds it at the end; other lines stay byte for byte. */
function mergeToml(name: string, access: Access, before: string): string {
  const table = codexTable(name, access);
  const head = table.slice(0, table.indexOf('\n'));
  const inner = `${head.slice(0, -1)}.`;
  const kept: string[] = [];
  let at: number | undefined;
  let ours = false;
  for (const line of before.split('\n')) {
    const trimmed = line.trim();
    if (trimmed.startsWith('[')) ours = trimmed.startsWith(head) || trimmed.startsWith(inner);
    if (ours) at ??= kept.length;
    else kept.push(line);
  }
  if (at !== undefined) return [...kept.slice(0, at), ...table.trimEnd().split('\n'), ...(kept.length > at ? [''] : []), ...kept.slice(at)].join('\n').trimEnd() + '\n';
  const start = before.trim() === '' ? '' : `${before.trimEnd()}\n\n`;
  return start + table;
}
