import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';

const root = join(import.meta.dirname, '..');

type Violation = { readonly at: string; readonly code: string; readonly rule: string };

const violation = (at: string, rule: string, code: string): Violation => ({ at, rule, code });
const CHILD_PROCESS = `import { spawn } from 'node:child_process';\nexport const child: unknown = spawn('id');`;
const ENVIRONMENT = `export const home: unknown = process.env['HOME'];`;

/** One broken rule each. The lint that lets any of these through is not watching. */
const CAUGHT: readonly Violation[] = [
  ...['process', 'Date', 'performance', 'setTimeout', 'setInterval', 'fetch', 'crypto', 'console', 'Buffer', 'globalThis'].map((name) =>
    violation(`src/core/names-${name}.ts`, 'no-restricted-globals', `export const found: unknown = ${name};`),
  ),
  violation('src/core/random.ts', 'no-restricted-properties', `export const guess: number = Math.random();`),
  violation('src/guards/clock.ts', 'no-restricted-globals', `export const now: number = Date.now();`),
  violation('src/stores/random.ts', 'no-restricted-properties', `export const guess: number = Math.random();`),
  violation('src/stores/assign.ts', 'no-restricted-properties', `export const copy: unknown = Object.assign({}, { a: 1 });`),
  violation('src/stores/environment.ts', 'no-restricted-properties', ENVIRONMENT),
  violation('src/app/environment.ts', 'no-restricted-imports', `import { env } from 'node:process';\nexport const home: unknown = env['HOME'];`),
  violation('src/identity/spawns.ts', 'no-restricted-imports', CHILD_PROCESS),
  violation('src/backends/http/spawns.ts', 'no-restricted-imports', `import { execa } from 'execa';\nexport const run: unknown = execa;`),
  violation('src/backends/http/runs-text.ts', 'no-restricted-imports', `import vm from 'node:vm';\nexport const run: unknown = vm.runInNewContext;`),
  violation('src/app/speaks.ts', 'no-console', `console.log('on stdout');\nexport const said: boolean = true;`),
  violation('test/support/speaks.ts', 'no-console', `console.log('on stdout');\nexport const said: boolean = true;`),
  violation('src/app/default.ts', 'no-default-export', `const one: number = 1;\nexport default one;`),
  violation('src/app/any.ts', 'no-explicit-any', `export const loose: any = 1;`),
  violation('src/app/hidden-any.ts', 'no-unsafe-assignment', `export const loose: { a: number } = JSON.parse('{}');`),
  violation('src/app/cast.ts', 'no-unsafe-type-assertion', `export const sure = (x: unknown): string => x as string;`),
  violation('src/app/non-null.ts', 'no-non-null-assertion', `export const first = (xs: readonly string[]): string => xs[0]!;`),
  violation('src/app/eval.ts', 'no-eval', `export const run = (text: string): unknown => eval(text);`),
  violation('src/app/new-function.ts', 'no-new-func', `export const run = (text: string): unknown => new Function(text);`),
  violation('src/app/floating.ts', 'no-floating-promises', `const later = async (): Promise<void> => undefined;\nexport function go(): void {\n  later();\n}`),
  violation('src/app/misused.ts', 'no-misused-promises', `const later = async (): Promise<boolean> => false;\nexport const sure = (): string => (later() ? 'yes' : 'no');`),
  violation(
    'src/app/switch.ts',
    'switch-exhaustiveness-check',
    `type Verdict = 'pass' | 'deny';\nexport function act(verdict: Verdict): void {\n  switch (verdict) {\n    case 'pass':\n      break;\n  }\n}`,
  ),
  violation('src/app/ignored.ts', 'ban-ts-comment', `// @ts-ignore\nexport const one: number = 1;`),
  violation('src/app/long.ts', 'max-lines-per-function', `export function long(): number {\n  let sum = 0;\n${'  sum += 1;\n'.repeat(61)}  return sum;\n}`),
];

const ALLOWED: readonly { readonly at: string; readonly code: string }[] = [
  { at: 'src/backends/stdio/spawn.ts', code: CHILD_PROCESS },
  { at: 'src/cli/verbs/connect.ts', code: CHILD_PROCESS },
  { at: 'src/config/secrets.ts', code: ENVIRONMENT },
  { at: 'src/cli/main.ts', code: ENVIRONMENT },
  { at: 'src/app/system.ts', code: `export const jitter = (): number => Math.random();` },
  {
    at: 'src/app/default-arm.ts',
    code: `export function act(verdict: 'pass' | 'deny'): boolean {\n  switch (verdict) {\n    case 'pass':\n      return true;\n    default:\n      return false;\n  }\n}`,
  },
  { at: 'src/stores/clock.ts', code: `export const now = (): number => Date.now();` },
];

const project = mkdtempSync(join(tmpdir(), 'lint-'));
after(() => rmSync(project, { recursive: true, force: true }));
for (const name of ['.oxlintrc.json', 'tsconfig.json', 'package.json']) copyFileSync(join(root, name), join(project, name));
symlinkSync(join(root, 'node_modules'), join(project, 'node_modules'));
for (const { at, code } of [...CAUGHT, ...ALLOWED]) {
  mkdirSync(join(project, dirname(at)), { recursive: true });
  writeFileSync(join(project, at), `${code}\n`);
}
const linted = spawnSync(
  process.execPath,
  [join(root, 'node_modules/oxlint/bin/oxlint'), '--type-aware', '--deny-warnings', '--format=unix', 'src', 'test'],
  { cwd: project, encoding: 'utf8' },
);
const found = linted.stdout.split('\n');

for (const { at, rule } of CAUGHT) {
  test(`lint stops ${rule} in ${at}`, () => {
    const lines = found.filter((line) => line.startsWith(`${at}:`));
    assert.ok(lines.some((line) => line.includes(`(${rule})`)), `found only: ${lines.join('\n')} ${linted.stderr}`);
  });
}

for (const { at } of ALLOWED) {
  test(`lint lets ${at} do what only it may`, () => {
    assert.deepEqual(found.filter((line) => line.startsWith(`${at}:`)), []);
  });
}
