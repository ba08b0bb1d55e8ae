// `node test/conformance/run.ts [--json FILE]`: the official conformance suite directly and through the gateway, both tables side by side.
// Exit 1: a difference that expected-differences.json does not know, a line of it that is stale, or a fixture that fails by itself.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compare } from './compare.ts';
import { differencesOf, directFailures, judge, render, sayDifference, type Expected } from './differences.ts';
import { installedSuites } from './suite.ts';

const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function main(): Promise<number> {
  const suites = installedSuites();
  if ('skip' in suites) {
    process.stderr.write(`${suites.skip}\n`);
    return 2;
  }
  const rows = await compare(suites);
  const expected: readonly Expected[] = JSON.parse(readFileSync(join(import.meta.dirname, 'expected-differences.json'), 'utf8'));
  const { unexpected, stale } = judge(differencesOf(rows), expected);
  const failing = directFailures(rows);
  say(render(rows));
  for (const line of failing) say(`\nthe fixture itself: ${line}`);
  if (unexpected.length > 0) say(`\n${unexpected.length} differences:\n${unexpected.map((one) => `  ${sayDifference(one)}`).join('\n')}`);
  for (const one of stale) say(`\nstale in expected-differences.json: ${one}`);
  const at = process.argv.indexOf('--json');
  const file = at < 0 ? undefined : process.argv[at + 1];
  if (file !== undefined) writeFileSync(file, `${JSON.stringify({ rows: rows.map((row) => ({ ...row, checks: Object.fromEntries(row.checks) })), unexpected, stale }, undefined, 2)}\n`);
  return unexpected.length + stale.length + failing.length === 0 ? 0 : 1;
}

process.exitCode = await main();
