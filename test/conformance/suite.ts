// The two versions of the official suite as programs: where they are, which scenarios they have for which revision, and what one run of them found.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { plainEnv, ROOT, start } from '../support/e2e/processes.ts';

export interface Suite {
  /** Of the package, as it says itself. */
  readonly version: string;
  readonly program: string;
}

/** One start of the suite: all scenarios of a revision, or one scenario of an extension, which belongs to no revision. */
export interface Job {
  readonly suite: Suite;
  readonly revision: string;
  readonly scenarios: readonly string[];
  readonly extension: boolean;
}

export interface Check {
  readonly id: string;
  readonly status: string;
  readonly message: string;
}

/** Of each scenario that ran. */
export type Findings = ReadonlyMap<string, readonly Check[]>;

const PACKAGES = [
  { name: '@modelcontextprotocol/conformance', variable: 'SENTINEL_TEST_CONFORMANCE' },
  { name: 'conformance-next', variable: 'SENTINEL_TEST_CONFORMANCE_NEXT' },
] as const;

const LATEST = '2026-07-28';
/** Bounds a run that hangs; the suite bounds each scenario by itself. */
const JOB_MS = 180_000;

/** Latest release and newest pre-release; or why they cannot run. */
export function installedSuites(): readonly Suite[] | { readonly skip: string } {
  const missing: string[] = [];
  const suites = PACKAGES.flatMap(({ name, variable }): Suite[] => {
    const folder = process.env[variable] ?? join(ROOT, 'node_modules', name);
    const manifest = join(folder, 'package.json');
    if (!existsSync(manifest)) {
      missing.push(name);
      return [];
    }
    const { version }: { version: string } = JSON.parse(readFileSync(manifest, 'utf8'));
    return [{ version, program: join(folder, 'dist/index.js') }];
  });
  return missing.length === 0 ? suites : { skip: `the conformance suite is not installed: ${missing.join(', ')}` };
}

/** Every server scenario of every revision the suite has. */
export async function jobsOf(suite: Suite): Promise<readonly Job[]> {
  const { stdout } = await toEnd(suite, ['list', '--server'], tmpdir());
  const rows = [...stdout.matchAll(/^ {2}- (\S+) \[([^\]]+)\]$/gm)].map(([, scenario = '', revisions = '']) => ({ scenario, revisions: revisions.split(',') }));
  if (rows.length === 0) throw new Error(`conformance ${suite.version} lists no server scenario:\n${stdout}`);
  const revisions = [...new Set(rows.flatMap((row) => row.revisions))].filter((revision) => /^\d/.test(revision)).toSorted();
  const dated = revisions.map((revision): Job => ({
    suite, revision, extension: false, scenarios: rows.filter((row) => row.revisions.includes(revision)).map((row) => row.scenario),
  }));
  const extensions = rows.filter((row) => row.revisions.includes('extension')).map((row): Job => ({ suite, revision: LATEST, extension: true, scenarios: [row.scenario] }));
  return [...dated, ...extensions];
}

export async function runJob(job: Job, url: string): Promise<Findings> {
  const folder = mkdtempSync(join(tmpdir(), 'conformance-'));
  try {
    const which = job.extension ? ['--scenario', job.scenarios.join(), '--force'] : ['--suite', 'all'];
    const said = await toEnd(job.suite, ['server', '--url', url, ...which, '--spec-version', job.revision, '--output-dir', folder], folder);
    const found = findingsIn(folder);
    return new Map(job.scenarios.map((scenario) => [scenario, found.get(scenario) ?? [{ id: 'no-result', status: 'FAILURE', message: said.stderr.slice(-500) }]]));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** `server-<scenario>-<time>/checks.json`. What the suite only notes of its own doing (INFO) is no finding. */
function findingsIn(folder: string): Findings {
  return new Map(readdirSync(folder).flatMap((name): [string, readonly Check[]][] => {
    const scenario = /^server-(.+)-\d{4}-\d\d-\d\dT[\d-]+Z$/.exec(name)?.[1];
    if (scenario === undefined) return [];
    const checks: { id: string; status: string; errorMessage?: string }[] = JSON.parse(readFileSync(join(folder, name, 'checks.json'), 'utf8'));
    return [[scenario, checks.filter((check) => check.status !== 'INFO').map(({ id, status, errorMessage }) => ({ id, status, message: errorMessage ?? '' }))]];
  }));
}

async function toEnd(suite: Suite, args: readonly string[], cwd: string): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const running = start([process.execPath, suite.program, ...args], { env: plainEnv(cwd), cwd });
  running.child.stdin?.end();
  const timer = setTimeout(() => running.signal('SIGKILL'), JOB_MS);
  const said = await running.ended;
  clearTimeout(timer);
  if (said.signal !== null) throw new Error(`conformance ${suite.version} ${args.join(' ')} did not end: ${said.stdout.slice(-2000)}`);
  return said;
}
