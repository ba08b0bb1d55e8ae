import assert from 'node:assert/strict';
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { after, test, type TestContext } from 'node:test';
import { commandBlocks, outputMatches, type Command } from '../support/markdown.ts';
import { openShell, type ShellSession } from '../support/shell-session.ts';

const root = join(import.meta.dirname, '../..');
const COMMAND_MS = 60_000;

const scratch = mkdtempSync(join(tmpdir(), 'docs-'));
after(() => rmSync(scratch, { recursive: true, force: true }));
const bin = join(scratch, 'bin');
mkdirSync(bin);
// Documents may say `sentinel`, as after an installation.
symlinkSync(join(root, 'scripts/sentinel'), join(bin, 'sentinel'));

function shellFor(path: string): ShellSession {
  const folder = join(scratch, path.replaceAll('/', '-'));
  const home = join(folder, 'home');
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const search = [bin, dirname(process.execPath), process.env['PATH']].join(delimiter);
  return openShell(root, { PATH: search, HOME: home, TMPDIR: folder, LANG: 'C.UTF-8', NO_COLOR: '1' }, folder);
}

async function runCommand(shell: ShellSession, command: Command): Promise<void> {
  const { status, output, timedOut } = await shell.run(command.text, COMMAND_MS);
  assert.ok(!timedOut, `still running after ${COMMAND_MS / 1000} s:\n${output}`);
  assert.equal(status, command.exits, `exit status ${status}:\n${output}`);
  if (command.expected === undefined) return;
  const matches = outputMatches(command.expected, output.split('\n'));
  assert.ok(matches, `printed\n${output}\nbut the document shows\n${command.expected.join('\n')}`);
}

async function stopGateway(path: string): Promise<void> {
  const shell = shellFor(path);
  await shell.run('./scripts/stop', COMMAND_MS);
  shell.end();
}

async function runDocument(t: TestContext, path: string, text: string): Promise<void> {
  const shell = shellFor(path);
  try {
    for (const block of commandBlocks(text)) {
      if (block.kind === 'not-run') await t.test(`${path}:${block.line}`, { skip: block.reason }, () => undefined);
      if (block.kind === 'wrong') await t.test(`${path}:${block.line}`, () => assert.fail(block.why));
      if (block.kind !== 'run') continue;
      for (const command of block.commands) await t.test(`${path}:${command.line}`, () => runCommand(shell, command));
    }
  } finally {
    // The gateway is a daemon: it would outlive the session, and hold its port against the next document.
    shell.end();
    if (text.includes('scripts/start')) await stopGateway(path);
  }
}

const documents = ['README.md', ...globSync('docs/**/*.md', { cwd: root }).toSorted()].map((path) => ({
  path,
  text: readFileSync(join(root, path), 'utf8'),
}));

test('the documents show commands to run', () => {
  const shown = documents.flatMap(({ text }) => commandBlocks(text)).filter((block) => block.kind === 'run');
  assert.ok(shown.length >= 3, `only ${shown.length} blocks`);
});

for (const { path, text } of documents) {
  if (commandBlocks(text).length > 0) test(`the commands of ${path} do what it says`, (t) => runDocument(t, path, text));
}
