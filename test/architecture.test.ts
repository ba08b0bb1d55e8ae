import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { REQUEST_STAGES } from '../src/pipeline/stages.ts';
import { STAGE_ORDER, architectureProblems, lockGaps, runtimeClosure, stageProblems, type Lockfile, type SourceFile } from './support/architecture.ts';

const root = join(import.meta.dirname, '..');
const AT_LEAST = 60;
const MAX_RUNTIME_PACKAGES = 75;

const files: readonly SourceFile[] = globSync(['src/**/*.ts', 'migrations/**/*.ts'], { cwd: root }).map((path) => ({
  path: path.replaceAll('\\', '/'),
  text: readFileSync(join(root, path), 'utf8'),
}));
const lock: Lockfile = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));

describe('the house', () => {
  test('every import, file and permit is where the design puts it', () => {
    assert.deepEqual(architectureProblems(files, AT_LEAST), []);
  });

  test('the request stages run in the order the design pins', () => {
    assert.deepEqual(stageProblems(REQUEST_STAGES.map((stage) => stage.name)), []);
  });

  test(`a user installs at most ${MAX_RUNTIME_PACKAGES} packages`, () => {
    const closure = runtimeClosure(lock);
    assert.ok(closure.length > 10, 'the lockfile was not read');
    assert.ok(closure.length <= MAX_RUNTIME_PACKAGES, `${closure.length}: ${closure.join(' ')}`);
  });

  test('the lockfile names every package that npm ci asks for', () => {
    assert.deepEqual(lockGaps(lock), []);
  });
});

describe('the architecture test fails', () => {
  const problems = (path: string, text: string): readonly string[] => architectureProblems([{ path, text }], 1);
  const broken: readonly (readonly [why: string, path: string, text: string, expected: RegExp])[] = [
    ['when node:fs is imported in core', 'src/core/x.ts', `import { readFileSync } from 'node:fs';`, /core may not touch the machine/],
    ['when the import spans lines', 'src/core/x.ts', `import {\n  a,\n  b,\n} from 'node:fs';`, /may not touch the machine/],
    ['when it is a type only', 'src/core/x.ts', `import type { A } from '../relay/a.ts';`, /core may not import relay/],
    ['when it is a re-export', 'src/guards/x.ts', `export { a } from '../config/a.ts';`, /guards may not import config/],
    ['when it is for side effects', 'src/core/x.ts', `import 'node:fs';`, /may not touch the machine/],
    ['when it is dynamic', 'src/core/x.ts', `const fs = await import('node:fs');`, /may not touch the machine/],
    ['when its name is computed', 'src/cli/x.ts', 'const verb = await import(`./verbs/${name}.ts`);', /computed name/],
    ['when an edge imports an edge', 'src/surfaces/x.ts', `import { a } from '../stores/a.ts';`, /surfaces may not import stores/],
    ['when a worker of another edge is loaded', 'src/stores/x.ts', `new Worker(new URL('../backends/w.ts', import.meta.url));`, /stores may not import backends/],
    ['when cli reaches past app', 'src/cli/x.ts', `import { a } from '../backends/stdio/a.ts';`, /cli may not import backends/],
    ['when a file passes 300 lines', 'src/core/x.ts', 'const a = 1;\n'.repeat(301), /301 lines/],
    ['when a file is in no room', 'src/utils/x.ts', '', /in no room/],
    ['when an import has no .ts', 'src/core/x.ts', `import { a } from './a';`, /does not end in \.ts/],
    ['when a package is used in core', 'src/core/x.ts', `import { z } from 'zod';`, /may not use the package "zod"/],
    ['when metrics are made in a surface', 'src/surfaces/x.ts', `import { register } from 'prom-client';`, /may not use the package "prom-client"/],
    ['when HTTP backends start a process', 'src/backends/http/x.ts', `import { spawn } from 'node:child_process';`, /only backends\/stdio and cli/],
    ['when a stage issues a permit', 'src/pipeline/stages.ts', `import { issuePermit } from '../core/permit.ts';`, /only pipeline\/admit\.ts/],
    ['when require is made', 'src/stores/x.ts', `import { createRequire } from 'node:module';`, /require passes by/],
  ];
  for (const [why, path, text, expected] of broken) {
    test(why, () => assert.match(problems(path, text).join('\n'), expected));
  }

  test('when it sees too few files', () => {
    assert.match(architectureProblems([], 1).join('\n'), /saw only 0 files/);
  });

  test('when two stages change places, or one is left out', () => {
    const [first = '', second = '', ...rest] = STAGE_ORDER;
    assert.notDeepEqual(stageProblems([second, first, ...rest]), []);
    assert.notDeepEqual(stageProblems([first, second]), []);
    assert.deepEqual(stageProblems(STAGE_ORDER), []);
  });

  test('when a lockfile lacks an optional package', () => {
    const gap: Lockfile = { packages: { '': { dependencies: { a: '1' } }, 'node_modules/a': { optionalDependencies: { 'a-darwin': '1' } } } };
    assert.deepEqual(lockGaps(gap), ['node_modules/a needs a-darwin']);
  });

  test('and not when all is in place', () => {
    assert.deepEqual(problems('src/pipeline/admit.ts', `import { issuePermit } from '../core/permit.ts';\n// import { x } from 'node:fs'`), []);
    assert.deepEqual(problems('src/backends/stdio/x.ts', `import { spawn } from 'node:child_process';\nimport { a } from '../../relay/a.ts';`), []);
  });
});
