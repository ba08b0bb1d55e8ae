// The packages we stand on: pinned, checked by their digest, few, and none of them runs anything when it is installed.
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT } from '../support/e2e/processes.ts';

type Entry = { readonly version?: string; readonly integrity?: string; readonly dev?: boolean; readonly optional?: boolean; readonly hasInstallScript?: boolean };
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const lock: { readonly lockfileVersion: number; readonly packages: Readonly<Record<string, Entry>> } = JSON.parse(read('package-lock.json'));
const about: { readonly scripts: Readonly<Record<string, string>>; readonly dependencies: Readonly<Record<string, string>>; readonly devDependencies: Readonly<Record<string, string>> } = JSON.parse(read('package.json'));
const entries = Object.entries(lock.packages).filter(([path]) => path !== '');
const runtime = entries.filter(([, entry]) => entry.dev !== true);

test('H15 no script of ours lets a package run its own: every npm that writes packages says --ignore-scripts', () => {
  const files = ['Dockerfile', ...globSync(['scripts/*', '.ci/*', 'packaging/**/*'], { cwd: ROOT, withFileTypes: true }).filter((one) => one.isFile() && !one.name.endsWith('.md')).map((one) => join(one.parentPath, one.name).slice(ROOT.length + 1))];
  const writing = files.flatMap((file) => read(file).replaceAll('\\\n', ' ').split('\n').filter((line) => /^(?!\s*(#|\/\/)).*\b(npm|run_npm)\s+(ci|install|i|add|update|prune|rebuild|pack|exec)\b/.test(line)).map((line) => `${file}: ${line.trim()}`));
  assert.ok(writing.length >= 6, `found only:\n${writing.join('\n')}`);
  assert.deepEqual(writing.filter((line) => !line.includes('--ignore-scripts')), []);
  assert.deepEqual(files.filter((file) => /\b(yarn|pnpm|corepack|bun)\s+(add|install|i)\b|curl[^|\n]*\|\s*(ba)?sh/.test(read(file))), [], 'and nothing is installed past npm');
});

test('H15 we run nothing either when we are installed, and ask for exact versions', () => {
  assert.deepEqual(Object.keys(about.scripts).filter((name) => /^(pre|post)?(install|prepare|pack|publish)|^prepublishOnly$|^dependencies$/.test(name)), []);
  for (const [name, version] of Object.entries({ ...about.dependencies, ...about.devDependencies })) assert.match(version, /^(npm:.+@)?\d+\.\d+\.\d+(-[\w.]+)?$/, name);
});

test('H15 what a user installs is pinned by version and SHA-512, and has no install script', () => {
  assert.equal(lock.lockfileVersion, 3);
  assert.ok(runtime.length > 10);
  for (const [path, { version, integrity, hasInstallScript }] of runtime) {
    assert.match(version ?? '', /^\d+\.\d+\.\d+/, path);
    assert.match(integrity ?? '', /^sha512-[A-Za-z0-9+/]{86}==$/, path);
    assert.notEqual(hasInstallScript, true, path);
  }
});

test('H15 what developers install is pinned as well; without a digest are only optional tools for platforms where we do not build', () => {
  const bare = entries.filter(([, entry]) => entry.integrity === undefined);
  assert.deepEqual(bare.filter(([path, { dev, optional }]) => dev !== true || optional !== true || (process.platform === 'linux' && existsSync(join(ROOT, path)))).map(([path]) => path), []);
  for (const [path, { integrity }] of entries) if (integrity !== undefined) assert.match(integrity, /^sha512-/, path);
});
