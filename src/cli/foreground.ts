// The gateway in this process, for `serve` and `start`: says on stdout that it is ready, and ends with the status that `app/` decides.
import type { StatusReport } from '../core/operations.ts';
import { announcement } from './announce.ts';
import { tellProblems } from './diagnostics.ts';
import { forgetVariables } from './environment.ts';
import { packageVersion } from './package.ts';
import type { VerbContext } from './verb.ts';
import { whereabouts } from './whereabouts.ts';

/** `more`: lines for people below the six, on stdout. */
export async function runGateway(cx: VerbContext, configFile: string | undefined, more: (status: StatusReport) => readonly string[]): Promise<number> {
  const { runDaemon } = await import('../app/daemon.ts');
  return await runDaemon({
    configFile,
    ownFile: cx.ownFile,
    env: cx.env,
    cwd: cx.cwd,
    version: packageVersion(),
    fail: cx.fail,
    loaded: (configuration) => {
      forgetVariables(configuration.secretVariables);
      tellProblems(cx, configuration.warnings, configuration.text);
    },
    ready: (_gateway, status) => {
      if (cx.json) cx.outJson(readyObject(cx, status));
      else cx.out([announcement(status), ...more(status)].join('\n'));
    },
  });
}

/** What scripts read: the same from `serve --json`, `start --json` and a second `start --json`. */
export function readyObject(cx: Pick<VerbContext, 'env' | 'cwd'>, status: StatusReport): object {
  const { tokenFile } = whereabouts({ configFile: status.configFile, env: cx.env, cwd: cx.cwd });
  return { endpoint: status.endpoint, health: status.health, control: status.controlSocket, token_file: tokenFile, config_file: status.configFile, pid: status.pid };
}
