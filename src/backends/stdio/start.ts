// From settings to a session with a new child: its program found once, its mark in place, the watchdog told. Restarts nothing by itself.
import { ok, type Result } from '../../core/result.ts';
import type { StdioBackendSettings } from '../../core/settings.ts';
import type { BackendDeps } from '../deps.ts';
import { planLaunch } from './launch.ts';
import { resolveProgram } from './program.ts';
import { type SessionHooks, StdioSession } from './session.ts';

const UNMARKED = 'children go without their second mark: one that leaves its group and its environment may outlive the gateway';

export class ChildStart {
  readonly #settings: StdioBackendSettings;
  readonly #deps: BackendDeps;
  #program: string | undefined;

  constructor(settings: StdioBackendSettings, deps: BackendDeps) {
    this.#settings = settings;
    this.#deps = deps;
  }

  /** An error says why it could not be started, in words for operators. */
  start(hooks: SessionHooks): Result<StdioSession, string> {
    const { gatewayEnv, stateDir, watchdog, log, spawn } = this.#deps;
    const settings = this.#settings;
    const program = this.#program === undefined ? resolveProgram(settings.command, gatewayEnv) : ok(this.#program);
    if (!program.ok) return program;
    this.#program = program.value;
    const marker = watchdog.mark();
    const unmarked = (why: string): void => log({ backend: settings.id, level: 'warn', event: UNMARKED, text: why });
    const plan = planLaunch({ settings, program: program.value, stateDir, gatewayEnv, marker, platform: process.platform, unmarked });
    if (!plan.ok) return plan;
    const child = spawn(plan.value);
    if (!child.ok) return child;
    watchdog.watch(child.value.pid);
    return ok(new StdioSession(child.value, marker, settings, this.#deps, hooks));
  }
}
