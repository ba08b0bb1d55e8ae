import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { EXIT, EXIT_MEANINGS } from '../../src/cli/exit.ts';
import { WORDS, allVerbs } from '../../src/cli/table.ts';
import { COMMON_OPTIONS } from '../../src/cli/verb.ts';
import { cliReference } from '../support/cli-reference.ts';
import { cli } from './world.ts';

const root = join(import.meta.dirname, '../..');
const verbs = await allVerbs();

test('docs/cli.md is what the verbs make of it', () => {
  assert.equal(readFileSync(join(root, 'docs/cli.md'), 'utf8'), cliReference(verbs), 'stale: run scripts/generate');
});

test('every exit status has a meaning, and no two are alike', () => {
  assert.deepEqual(EXIT_MEANINGS.map(([status]) => status), Object.values(EXIT));
  assert.equal(new Set(Object.values(EXIT)).size, Object.values(EXIT).length);
});

describe('every verb', () => {
  for (const verb of verbs) {
    test(`${verb.name}: --help shows two examples first, then the usage`, async () => {
      const { status, stdout, stderr } = await cli([...verb.name.split(' '), '--help']);
      assert.equal(status, 0);
      assert.equal(stderr, '');
      const lines = stdout.split('\n');
      assert.equal(lines[0], `sentinel ${verb.name}: ${verb.summary}`);
      assert.equal(lines[2], 'Examples');
      const before = stdout.slice(0, stdout.indexOf('\nUsage\n'));
      assert.ok((before.match(/^ {2}\S.*sentinel /gm) ?? []).length + (before.match(/^ {2}sentinel /gm) ?? []).length >= 2, before);
    });

    test(`${verb.name}: the examples name it, and only flags it has`, () => {
      const known = { ...COMMON_OPTIONS, ...verb.options };
      for (const { run, does } of verb.examples) {
        assert.match(run, new RegExp(`sentinel ${verb.name}\\b`), run);
        assert.ok(does.length > 0);
        const own = (run.split(`sentinel ${verb.name}`)[1] ?? '').split(/ -- | [|&>;(]|\)/)[0] ?? '';
        for (const [, flag = ''] of own.matchAll(/ --([a-z-]+)/g)) assert.ok(Object.hasOwn(known, flag), `${run}: --${flag}`);
      }
    });

    test(`${verb.name}: declares no flag that every verb has, and a meaning for each`, () => {
      for (const [name, option] of Object.entries(verb.options)) {
        assert.ok(!Object.hasOwn(COMMON_OPTIONS, name), name);
        assert.ok(option.help.length > 0, name);
        assert.match(name, /^[a-z][a-z0-9-]*$/);
      }
    });

    test(`${verb.name}: refuses an unknown flag with exit 2 and the nearest one`, async () => {
      const { status, stdout, stderr } = await cli([...verb.name.split(' '), '--jsonn']);
      assert.equal(status, 2);
      assert.equal(stdout, '');
      assert.match(stderr, /unknown flag --jsonn\n {2}= help: did you mean --json\?/);
    });
  }
});

test('the overview names every verb and every exit status', async () => {
  const { status, stdout } = await cli(['--help']);
  assert.equal(status, 0);
  for (const verb of verbs) assert.match(stdout, new RegExp(`^ {2}${verb.name} `, 'm'));
  for (const [number] of EXIT_MEANINGS) assert.match(stdout, new RegExp(`^ +${number} {2}`, 'm'));
});

test('the words of the table are the first words of the verbs', () => {
  assert.deepEqual([...new Set(verbs.map((verb) => verb.name.split(' ')[0]))], WORDS);
});
