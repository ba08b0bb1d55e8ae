import type { Backend } from '../../src/core/ports.ts';
import { createStdioBackend } from '../../src/backends/stdio/supervise.ts';
import { backendContract, type Made } from './contract.ts';
import { io, permit, recorded, stdioSettings } from './support.ts';

const BOUNDS = { timeoutMs: 800, maxTimeoutMs: 8_000, resultBytes: 100_000 } as const;

async function make(era: 'legacy' | 'modern'): Promise<Made> {
  const recording = recorded();
  const backend: Backend = createStdioBackend(stdioSettings([`--era=${era}`], BOUNDS), recording.deps);
  return {
    backend,
    recorded: recording,
    cancellations: async () => {
      const result = await backend.call(permit('seen'), io());
      const raw = result.ok && result.value.kind === 'result' ? result.value.raw : '{}';
      const list: unknown = Reflect.get(Object(Reflect.get(Object(JSON.parse(raw)), 'structuredContent')), 'cancelled');
      return Array.isArray(list) ? list.length : 0;
    },
    crash: async () => {
      await backend.call(permit('crash'), io());
    },
    close: async () => {
      await backend.stop();
      recording.watchdog.close();
    },
  };
}

for (const era of ['legacy', 'modern'] as const) backendContract(`a stdio backend of the ${era} era`, async () => make(era));
