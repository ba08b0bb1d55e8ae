// The real servers a test run needs, started once and named to the test files by environment variables.
import { startPostgres } from './postgres.ts';
import { ensureSshd } from './sshd.ts';

export type Servers = {
  readonly env: Readonly<Record<string, string>>;
  /** One line for each server that could not be had. */
  readonly missing: readonly string[];
  readonly stop: () => Promise<void>;
};

export async function startServers(needs: ReadonlySet<'postgres' | 'sshd'>, say: (line: string) => void): Promise<Servers> {
  const env: Record<string, string> = {};
  const missing: string[] = [];
  let stop = async (): Promise<void> => undefined;
  if (needs.has('postgres')) {
    try {
      const server = await startPostgres();
      env['SENTINEL_TEST_DATABASE_URL'] = server.url;
      stop = server.stop;
      say('postgres: a real one started for this run');
    } catch (error) {
      const reason = `PostgreSQL: ${error instanceof Error ? error.message : String(error)}`;
      env['SENTINEL_TEST_DATABASE_SKIP'] = reason;
      missing.push(reason);
    }
  }
  if (needs.has('sshd')) {
    const tools = ensureSshd();
    if ('skip' in tools) {
      env['SENTINEL_TEST_SSHD_SKIP'] = tools.skip;
      missing.push(tools.skip);
    }
  }
  for (const reason of missing) say(`missing: ${reason}`);
  return { env, missing, stop };
}
