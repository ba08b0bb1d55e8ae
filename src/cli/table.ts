// Every verb and the module that holds it. Modules are imported when asked for, so that `version` and `check` start fast.
import type { Verb, VerbModule } from './verb.ts';

type Load = () => Promise<VerbModule>;

/** In the order of `sentinel --help`: first run, running it, governing it, looking, plumbing. */
const TABLE: Readonly<Record<string, Load>> = {
  start: () => import('./verbs/start.ts'),
  stop: () => import('./verbs/stop.ts'),
  init: () => import('./verbs/init.ts'),
  serve: () => import('./verbs/serve.ts'),
  stdio: () => import('./verbs/stdio.ts'),
  proxy: () => import('./verbs/proxy.ts'),
  connect: () => import('./verbs/connect.ts'),
  check: () => import('./verbs/check.ts'),
  reload: () => import('./verbs/reload.ts'),
  status: () => import('./verbs/status.ts'),
  tools: () => import('./verbs/tools.ts'),
  explain: () => import('./verbs/explain.ts'),
  why: () => import('./verbs/why.ts'),
  kill: () => import('./verbs/kill.ts'),
  unkill: () => import('./verbs/unkill.ts'),
  kills: () => import('./verbs/kills.ts'),
  token: () => import('./verbs/token.ts'),
  keys: () => import('./verbs/keys.ts'),
  audit: () => import('./verbs/audit.ts'),
  migrate: () => import('./verbs/migrate.ts'),
  doctor: () => import('./verbs/doctor.ts'),
  completion: () => import('./verbs/completion.ts'),
  version: () => import('./verbs/version.ts'),
};

/** First words, as typed: `kill`, `token`. */
export const WORDS: readonly string[] = Object.keys(TABLE);

export async function allVerbs(): Promise<readonly Verb[]> {
  const modules = await Promise.all(Object.values(TABLE).map((load) => load()));
  return modules.flatMap((module) => module.verbs);
}

export async function verbsOf(word: string): Promise<readonly Verb[] | undefined> {
  const load = Object.hasOwn(TABLE, word) ? TABLE[word] : undefined;
  return load === undefined ? undefined : (await load()).verbs;
}
