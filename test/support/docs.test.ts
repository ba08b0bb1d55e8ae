import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { commandBlocks, outputMatches } from './markdown.ts';
import { openShell, type ShellSession } from './shell-session.ts';

const fence = (language: string, ...lines: string[]): string => ['```' + language, ...lines, '```', ''].join('\n');

describe('commands in a document', () => {
  test('an sh block is one script, a console block one command for each "$ "', () => {
    const text = fence('sh', 'a', 'b') + fence('toml', 'x = 1') + fence('console', '$ c \\', '> --d', 'printed', '$ e');
    assert.deepEqual(commandBlocks(text), [
      { kind: 'run', commands: [{ line: 2, text: 'a\nb', expected: undefined, exits: 0 }] },
      {
        kind: 'run',
        commands: [
          { line: 9, text: 'c \\\n--d', expected: ['printed'], exits: 0 },
          { line: 12, text: 'e', expected: undefined, exits: 0 },
        ],
      },
    ]);
  });

  test('a block is left out only with a reason', () => {
    assert.deepEqual(commandBlocks(`<!-- not run: needs Docker -->\n${fence('sh', 'docker compose up')}`), [
      { kind: 'not-run', line: 2, reason: 'needs Docker' },
    ]);
    assert.equal(commandBlocks(`<!-- not run: -->\n${fence('sh', 'x')}`)[0]?.kind, 'wrong');
    assert.equal(commandBlocks(`<!-- not run: elsewhere -->\n${fence('sh', 'x')}${fence('sh', 'y')}`)[1]?.kind, 'run');
  });

  test('an expected failure is written down', () => {
    const [block] = commandBlocks(`<!-- exits 21 -->\n${fence('console', '$ x')}`);
    assert.equal(block?.kind === 'run' ? block.commands[0]?.exits : undefined, 21);
  });

  test('a block that no rule would run is an error', () => {
    assert.equal(commandBlocks(fence('bash', 'x'))[0]?.kind, 'wrong');
    assert.equal(commandBlocks(fence('console', 'x'))[0]?.kind, 'wrong');
  });

  test('what was printed is compared line by line, with … for what changes', () => {
    assert.ok(outputMatches(['ready  on …:8080', '…', 'end'], ['ready on 127.0.0.1:8080', 'a', 'b', 'end', '']));
    assert.ok(outputMatches(['a', '…'], ['a']));
    assert.ok(!outputMatches(['a'], ['b']));
    assert.ok(!outputMatches(['a'], ['a', 'more']));
    assert.ok(!outputMatches(['a', 'b'], ['a']));
    assert.ok(!outputMatches(['1.5'], ['1x5']));
  });
});

describe('a shell session', () => {
  const withShell = async (use: (shell: ShellSession) => Promise<void>): Promise<void> => {
    const folder = mkdtempSync(join(tmpdir(), 'shell-'));
    const shell = openShell(folder, { PATH: process.env['PATH'] }, folder);
    try {
      await use(shell);
    } finally {
      shell.end();
      rmSync(folder, { recursive: true, force: true });
    }
  };

  test('keeps variables from one block to the next, and joins both outputs', () =>
    withShell(async (shell) => {
      await shell.run('WHO=you', 10_000);
      assert.deepEqual(await shell.run('echo "to $WHO"; echo err >&2', 10_000), { status: 0, output: 'to you\nerr\n', timedOut: false });
    }));

  test('tells of a failure in the middle, and does not count a tested one', () =>
    withShell(async (shell) => {
      assert.equal((await shell.run('(exit 7)\ntrue', 10_000)).status, 7);
      assert.equal((await shell.run('if false; then :; fi', 10_000)).status, 0);
      assert.equal((await shell.run('exit 9', 10_000)).status, 255);
      assert.equal((await shell.run('true', 10_000)).output, 'the shell has ended');
    }));

  test('gives commands no input to steal, and ends those that hang', () =>
    withShell(async (shell) => {
      assert.equal((await shell.run('cat', 10_000)).status, 0);
      assert.equal((await shell.run('sleep 60', 200)).timedOut, true);
    }));
});
