// The one place that says which transport a backend's settings mean.
import type { Backend } from '../core/ports.ts';
import type { BackendSettings } from '../core/settings.ts';
import type { BackendDeps } from './deps.ts';
import { createHttpBackend } from './http/client.ts';
import { createStdioBackend } from './stdio/supervise.ts';

/** Nothing is started yet: call `start`. One `BackendDeps` may serve many backends, as must one watchdog. */
export function createBackend(settings: BackendSettings, deps: BackendDeps): Backend {
  switch (settings.type) {
    case 'stdio': return createStdioBackend(settings, deps);
    case 'http': return createHttpBackend(settings, deps);
  }
}
