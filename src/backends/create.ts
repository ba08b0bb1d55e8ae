// Settings to a backend: one arm per kind.
import type { Backend } from '../core/ports.ts';
import type { BackendSettings } from '../core/settings.ts';
import type { BackendDeps } from './deps.ts';
import { createStdioBackend } from './stdio/supervise.ts';

export function createBackend(settings: BackendSettings, deps: BackendDeps): Backend {
  switch (settings.type) {
    case 'stdio': return createStdioBackend(settings, deps);
    case 'http': throw new Error('http backends are being built');
  }
}
