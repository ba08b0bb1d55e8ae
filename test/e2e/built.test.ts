import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';

const root = join(import.meta.dirname, '../..');

type Packed = { readonly files: readonly { readonly path: string }[] };

describe('the published package', () => {
  const folder = mkdtempSync(join(tmpdir(), 'built-'));
  // Under node_modules, as when installed: Node refuses TypeScript there, so a forgotten `.ts` import would show.
  const installed = join(folder, 'node_modules/@sentinel-gateway/sentinel');
  after(() => rmSync(folder, { recursive: true, force: true }));

  before(() => {
    mkdirSync(installed, { recursive: true });
    const built = spawnSync(
      process.execPath,
      [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(root, 'tsconfig.build.json'), '--outDir', join(installed, 'dist')],
      { cwd: root, encoding: 'utf8' },
    );
    assert.equal(built.status, 0, built.stdout);
    for (const name of ['package.json', 'LICENSE']) copyFileSync(join(root, name), join(installed, name));
    if (existsSync(join(root, 'docs/errors'))) cpSync(join(root, 'docs/errors'), join(installed, 'docs/errors'), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(installed, 'node_modules'));
  });

  const sentinel = (...args: string[]): { status: number | null; stdout: string; stderr: string } => {
    const about: { bin: { sentinel: string } } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
    return spawnSync(process.execPath, [join(installed, about.bin.sentinel), ...args], { cwd: folder, encoding: 'utf8' });
  };

  test('runs from where npm puts it', () => {
    const { version }: { version: string } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    const said = sentinel('version');
    assert.equal(said.status, 0, said.stderr);
    assert.ok(said.stdout.includes(version), said.stdout);
  });

  test('loads every verb it lists', () => {
    const said = sentinel('--help');
    assert.equal(said.status, 0, said.stderr);
    assert.match(said.stdout, /serve/);
  });

  test('brings its migrations', () => {
    assert.ok(existsSync(join(installed, 'dist/migrations')));
  });

  test('holds the built program, and neither source, tests nor secrets', { skip: npmCli() === undefined ? 'no npm on this machine' : false }, () => {
    const packed = spawnSync(process.execPath, [npmCli() ?? '', 'pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: installed, encoding: 'utf8' });
    assert.equal(packed.status, 0, packed.stderr);
    const [first]: readonly Packed[] = JSON.parse(packed.stdout);
    const paths = first?.files.map(({ path }) => path) ?? [];
    assert.ok(paths.includes('dist/src/cli/main.js'), paths.join(' '));
    assert.ok(paths.includes('LICENSE'));
    assert.deepEqual(paths.filter((path) => /^(src|test|bench|scripts|\.)|\.(db|key|pem|env)$/.test(path)), []);
  });
});

/** npm's program file, so that it runs on this Node whatever its own shebang says. */
function npmCli(): string | undefined {
  const search = process.env['PATH']?.split(':') ?? [];
  const candidates = search.flatMap((place) => [join(dirname(place), 'lib/node_modules/npm/bin/npm-cli.js'), '/usr/share/nodejs/npm/bin/npm-cli.js']);
  return candidates.find((path) => existsSync(path));
}
