import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { COMMON_OPTIONS, type Verb, type VerbModule } from '../../src/cli/verb.ts';

const root = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const documents = globSync(['*.md', 'docs/**/*.md'], { cwd: root }).toSorted();
const FENCE = /^([ \t]*)```[\s\S]*?^\1```/gm;

const modules = await Promise.all(globSync('src/cli/verbs/*.ts', { cwd: root }).map(async (path): Promise<VerbModule> => import(join(root, path))));
const verbs: readonly Verb[] = modules.flatMap((module) => [...module.verbs]);

/** As GitHub makes an anchor of a heading. */
function anchorOf(heading: string): string {
  return heading.toLowerCase().replaceAll(/[^\p{L}\p{N}\s_-]/gu, '').trim().replaceAll(' ', '-');
}

function linkProblem(from: string, link: string): string | undefined {
  if (/^[a-z]+:/.test(link)) return undefined;
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? from : join(dirname(from), path);
  if (!existsSync(join(root, target))) return `${from}: ${link} leads nowhere`;
  if (anchor === undefined) return undefined;
  const anchors = [...read(target).replaceAll(FENCE, '').matchAll(/^#+ (.+)$/gm)].map((heading) => anchorOf(heading[1] ?? ''));
  return anchors.includes(anchor) ? undefined : `${from}: ${link} names no heading`;
}

/** `sentinel …` as it stands in running text and in blocks; a part in <> or … is any value. */
function namedCommands(text: string): readonly string[] {
  const inline = [...text.replaceAll(FENCE, '').matchAll(/`(?:\.\/scripts\/)?(sentinel [^`]+)`/g)].map((match) => match[1] ?? '');
  const blocks = (text.match(FENCE) ?? []).filter((block) => /^\s*```(sh|console)/.test(block));
  const lines = blocks.flatMap((block) => block.split('\n')).map((line) => /^(?:\s*\$ )?(?:[A-Z_]+=\S+ )*(?:\.\/scripts\/)?(sentinel .+)$/.exec(line)?.[1] ?? '');
  return [...inline, ...lines].filter((command) => /^sentinel [a-z]/.test(command)).flatMap(alternatives);
}

/** `token issue|revoke` is two commands. */
function alternatives(command: string): readonly string[] {
  const [whole, before = '', choices = '', after = ''] = /^(sentinel (?:[a-z]+ )?)([a-z]+(?:\|[a-z]+)+)(.*)$/.exec(command) ?? [];
  return whole === undefined ? [command] : choices.split('|').map((choice) => `${before}${choice}${after}`);
}

function commandProblem(command: string): string | undefined {
  const own = command.split(/ -- | [|&>;#]/)[0] ?? '';
  const words = own.split(/\s+/).slice(1);
  if (words[0] === 'help') return undefined;
  if (words.length === 1 && verbs.some(({ name }) => name.startsWith(`${words[0] ?? ''} `))) return undefined;
  const verb = verbs.find(({ name }) => name === words.slice(0, 2).join(' ')) ?? verbs.find(({ name }) => name === words[0]);
  if (verb === undefined) return `\`${command}\`: no such verb`;
  const known = { ...COMMON_OPTIONS, ...verb.options };
  const flags = words.filter((word) => /^--[a-z]/.test(word)).map((word) => word.slice(2).split('=')[0] ?? '');
  const unknown = flags.find((flag) => !Object.hasOwn(known, flag));
  return unknown === undefined ? undefined : `\`${command}\`: ${verb.name} has no --${unknown}`;
}

/** A promise names what holds it: `test/x.test.ts` "part of the name of a test". */
function namedTests(text: string): readonly { readonly path: string; readonly name: string }[] {
  return [...text.matchAll(/`(test\/[\w/.-]+\.test\.ts)` "([^"]+)"/g)].map((match) => ({ path: match[1] ?? '', name: match[2] ?? '' }));
}

test('there are documents, links, commands and promises to look at', () => {
  const all = documents.map(read).join('\n');
  assert.ok(documents.length > 30);
  assert.ok(verbs.length > 5);
  assert.ok(namedCommands(all).length > 20);
  assert.ok(namedTests(all).length > 10);
});

test('what is looked at can fail', () => {
  assert.match(linkProblem('README.md', 'docs/none.md') ?? '', /leads nowhere/);
  assert.match(linkProblem('docs/glossary.md', '#no-such-heading') ?? '', /names no heading/);
  assert.match(commandProblem('sentinel fly') ?? '', /no such verb/);
  assert.match(commandProblem('sentinel kills --loud') ?? '', /no --loud/);
  assert.equal(commandProblem('sentinel kills --json | head'), undefined);
});

test('every link of a document leads somewhere', () => {
  const problems = documents.flatMap((path) => [...read(path).replaceAll(FENCE, '').matchAll(/\]\(([^)\s]+)\)/g)].map((match) => linkProblem(path, match[1] ?? '')));
  assert.deepEqual(problems.filter((problem) => problem !== undefined), []);
});

test('every command a document names exists, with its flags', () => {
  const problems = documents.flatMap((path) => namedCommands(read(path)).map((command) => {
    const problem = commandProblem(command);
    return problem === undefined ? undefined : `${path}: ${problem}`;
  }));
  assert.deepEqual(problems.filter((problem) => problem !== undefined), []);
});

test('every metric a document names is measured, and every name in PostgreSQL is made', () => {
  const families = read('src/telemetry/families.ts');
  const named = documents.flatMap((path) => [...read(path).matchAll(/`(sentinel_[a-z_]+)/g)].map((match) => ({ path, name: match[1] ?? '' })));
  assert.ok(named.length > 10);
  const made = ['migrations/0001_audit.ts', 'migrations/0003_shipped.ts', 'packaging/postgres/roles.sql'].map(read).join('\n');
  assert.deepEqual(named.filter(({ name }) => !families.includes(`'${name}'`) && !new RegExp(`\\b${name}\\b`).test(made)), []);
});

test('every test that a document calls on exists', () => {
  const problems = documents.flatMap((path) => namedTests(read(path)).map((named) => {
    const there = existsSync(join(root, named.path)) && read(named.path).includes(named.name);
    return there ? undefined : `${path}: ${named.path} has no test "${named.name}"`;
  }));
  assert.deepEqual(problems.filter((problem) => problem !== undefined), []);
});
