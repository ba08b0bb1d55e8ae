// How the tests of this folder read a configuration: a fixed environment, files from a table, nothing of the machine.
import assert from 'node:assert/strict';
import { load, type Loaded } from '../../src/config/load.ts';
import type { FindAccount } from '../../src/config/section.ts';
import type { Diagnostic } from '../../src/core/operations.ts';
import type { Result } from '../../src/core/result.ts';

export const FILE = '/etc/sentinel/sentinel.toml';
export const JWT_SECRET = 'a-secret-of-more-than-thirty-two-bytes';

export interface Surroundings {
  readonly env?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, { readonly text: string; readonly mode: number }>>;
  readonly which?: (command: string) => string | undefined;
  /** Unset: every user is there. */
  readonly account?: FindAccount;
}

export function read(text: string, around: Surroundings = {}): Result<Loaded, readonly Diagnostic[]> {
  return load({
    text,
    file: FILE,
    env: around.env ?? { JWT_SECRET_KEY: JWT_SECRET },
    home: '/home/op',
    readFile: (path) => {
      const found = around.files?.[path];
      return found === undefined ? { ok: false, error: 'ENOENT' } : { ok: true, value: found };
    },
    ...(around.which === undefined ? {} : { which: around.which }),
    account: around.account ?? ((name) => ({ ok: true, value: { name, uid: 65_534, gid: 65_533 } })),
  });
}

export function accepted(text: string, around: Surroundings = {}): Loaded {
  const result = read(text, around);
  assert.ok(result.ok, result.ok ? '' : JSON.stringify(result.error, null, 1));
  return result.value;
}

export function refused(text: string, around: Surroundings = {}): readonly Diagnostic[] {
  const result = read(text, around);
  assert.ok(!result.ok, 'the configuration was accepted');
  assert.ok(result.error.length > 0);
  return result.error;
}

/** `SEN-0106@3:1` for each. */
export function marks(list: readonly Diagnostic[]): readonly string[] {
  return list.map((one) => `${one.code}@${one.line ?? '-'}:${one.column ?? '-'}`);
}

export function codes(list: readonly Diagnostic[]): readonly string[] {
  return list.map((one) => one.code);
}

/** A stdio backend with extra lines. */
export function stdio(lines: string): string {
  return `[[backends]]\nname = "files"\ntype = "stdio"\ncommand = "/bin/files"\n${lines}\n`;
}

export function http(lines: string): string {
  return `[[backends]]\nname = "tools"\ntype = "http"\n${lines}\n`;
}
