// The test runner behind ./scripts/test. Starts the real servers the chosen groups need, runs each file in its own process, sums up.
// Exit 0: all passed. Exit 1: a failure, or (CI=true) a required part that could not run.
import { join } from 'node:path';
import { GROUPS, GROUP_NAMES, groupOf, isGroupName, testFiles, type GroupName } from './support/groups.ts';
import { killRunning, runTestFile, runTool, type FileReport, type RunOptions } from './support/run-file.ts';
import { startServers, type Servers } from './support/servers.ts';

const CONCURRENCY = 2;
const FILE_TIMEOUT_MS = 180_000;
/** The long forms (soak, kill loops) run only on demand. */
const FULL_FILE_TIMEOUT_MS = 3_600_000;

type Job = { readonly group: GroupName; readonly name: string; readonly run: (options: RunOptions) => Promise<FileReport> };
type Plan = { readonly jobs: readonly Job[]; readonly full: boolean };

const root = join(import.meta.dirname, '..');
const say = (line: string): void => void process.stdout.write(`${line}\n`);

function tool(name: string, ...argv: string[]): Job {
  return { group: 'check', name, run: (options) => runTool(name, [process.execPath, ...argv], options) };
}

const TOOLS: readonly Job[] = [
  tool('types', 'node_modules/typescript/bin/tsc', '--noEmit', '-p', '.'),
  tool('lint', 'node_modules/oxlint/bin/oxlint', '--type-aware', '--deny-warnings'),
  tool('dead code (knip)', 'node_modules/knip/bin/knip.js', '--no-progress'),
];

/** `words`: groups, test files, `full`. None of the first two means all. */
function planOf(words: readonly string[]): Plan | string {
  const all = testFiles(root);
  const stray = all.filter((path) => groupOf(path) === undefined);
  if (stray.length > 0) return `no group runs ${stray.join(', ')}: see test/support/groups.ts`;
  const named = words.filter((word) => word !== 'full');
  const groups = named.filter(isGroupName);
  const files = named.filter((word) => !isGroupName(word)).map((word) => word.replace(/^\.\//, ''));
  const unknown = files.filter((path) => !all.includes(path));
  if (unknown.length > 0) return `unknown: ${unknown.join(' ')}\ngroups: ${GROUP_NAMES.join(' ')}; or test files, or full`;
  const chosen = named.length === 0 ? GROUP_NAMES : groups;
  const jobs = GROUP_NAMES.flatMap((group): Job[] => {
    const paths = all.filter((path) => groupOf(path) === group && (chosen.includes(group) || files.includes(path)));
    const tools = group === 'check' && chosen.includes('check') ? TOOLS : [];
    return [...tools, ...paths.map((path): Job => ({ group, name: path, run: (options) => runTestFile(path, options) }))];
  });
  return { jobs, full: words.includes('full') };
}

function progress(job: Job, report: FileReport): void {
  const counts = [`${report.passed} passed`];
  if (report.failures.length > 0) counts.push(`${report.failures.length} FAILED`);
  if (report.skips.length > 0) counts.push(`${report.skips.length} skipped`);
  const mark = report.failures.length > 0 ? 'FAIL' : 'ok  ';
  say(`${mark} ${job.group.padEnd(8)} ${job.name.padEnd(52)} ${report.seconds.toFixed(1).padStart(6)} s  ${counts.join(', ')}`);
  for (const text of report.shown) say(text);
}

async function runAll(plan: Plan, servers: Servers): Promise<ReadonlyMap<Job, FileReport>> {
  const reports = new Map<Job, FileReport>();
  const options: RunOptions = {
    root,
    env: { ...process.env, ...servers.env, ...(plan.full ? { SENTINEL_TEST_FULL: '1' } : {}) },
    timeoutMs: plan.full ? FULL_FILE_TIMEOUT_MS : FILE_TIMEOUT_MS,
  };
  const work = async (queue: Iterable<Job>): Promise<void> => {
    for (const job of queue) {
      const bound = GROUPS[job.group].timeoutMs ?? 0;
      const report = await job.run({ ...options, timeoutMs: Math.max(options.timeoutMs, bound) });
      reports.set(job, report);
      progress(job, report);
    }
  };
  const together = plan.jobs.filter((job) => GROUPS[job.group].alone !== true).values();
  await Promise.all(Array.from({ length: CONCURRENCY }, () => work(together)));
  await work(plan.jobs.filter((job) => GROUPS[job.group].alone === true));
  return reports;
}

function summary(reports: ReadonlyMap<Job, FileReport>, missing: readonly string[]): boolean {
  const all = [...reports.entries()];
  for (const [job, report] of all) {
    for (const { name, text } of report.failures) say(`\n--- FAILED ${job.name}\n    ${name}\n${text.replaceAll(/^/gm, '    ')}`);
  }
  const skips = all.flatMap(([job, report]) => report.skips.map((skip) => ({ job, ...skip })));
  if (skips.length > 0) say('\nSkipped:');
  for (const { job, name, reason } of skips) say(`  ${job.name}: ${name}: ${reason}`);
  const required = process.env['CI'] === 'true' ? missing : [];
  for (const reason of required) say(`\nREQUIRED, and could not run: ${reason}`);
  const passed = all.reduce((sum, [, report]) => sum + report.passed, 0);
  const failed = all.reduce((sum, [, report]) => sum + report.failures.length, 0);
  say(`\n${passed} passed, ${failed} failed${skips.length > 0 ? `, ${skips.length} skipped` : ''}`);
  return failed === 0 && required.length === 0 && passed > 0;
}

async function main(): Promise<number> {
  const plan = planOf(process.argv.slice(2));
  if (typeof plan === 'string') {
    process.stderr.write(`${plan}\n`);
    return 2;
  }
  const needs = new Set(plan.jobs.flatMap((job) => GROUPS[job.group].needs));
  const servers = await startServers(needs, say);
  const abort = (code: number): void => {
    killRunning();
    void servers.stop().finally(() => process.exit(code));
  };
  process.once('SIGINT', () => abort(130));
  process.once('SIGTERM', () => abort(143));
  try {
    return summary(await runAll(plan, servers), servers.missing) ? 0 : 1;
  } finally {
    await servers.stop();
  }
}

process.exitCode = await main();
