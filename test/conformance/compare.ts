// Every server scenario of both suites, asked of each target. Two runs at once, and never two of the same target.
import type { Row } from './differences.ts';
import { jobsOf, runJob, type Findings, type Job, type Suite } from './suite.ts';
import { startTargets, takes, TARGETS, type TargetName } from './targets.ts';

const AT_ONCE = 2;

export async function compare(suites: readonly Suite[]): Promise<readonly Row[]> {
  await using targets = await startTargets();
  const jobs = (await Promise.all(suites.map(jobsOf))).flat();
  const places = limit(AT_ONCE);
  const asked = async (target: TargetName): Promise<ReadonlyMap<Job, Findings>> => {
    const found = new Map<Job, Findings>();
    for (const job of jobs.filter((one) => takes(target, one.revision))) found.set(job, await places(() => runJob(job, targets.urls.get(target) ?? '')));
    return found;
  };
  const found = new Map(await Promise.all(TARGETS.map(async (target) => [target, await asked(target)] as const)));
  return jobs.flatMap((job) => job.scenarios.map((scenario): Row => {
    const checks = [...found].flatMap(([target, jobs]) => {
      const some = jobs.get(job)?.get(scenario);
      return some === undefined ? [] : [[target, some] as const];
    });
    return { suite: job.suite.version, revision: job.revision, scenario, extension: job.extension, checks: new Map(checks) };
  }));
}

/** At most `places` at a time, in the order they came. */
function limit(places: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let free = places;
  return async (work) => {
    if (free === 0) await new Promise<void>((resolve) => void waiting.push(resolve));
    else free -= 1;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    }
  };
}
