import { createHttpBackend } from '../../src/backends/http/client.ts';
import { HttpPeer, type Knobs } from '../fixtures/backends/http-peer.ts';
import { backendContract, type Made } from './contract.ts';
import { httpSettings, recorded } from './support.ts';

const BOUNDS = { timeoutMs: 800, maxTimeoutMs: 8_000, resultBytes: 100_000 } as const;

async function make(knobs: Partial<Knobs>): Promise<Made> {
  const peer = await new HttpPeer(knobs).start();
  const recording = recorded();
  const backend = createHttpBackend(httpSettings(peer.url, BOUNDS), recording.deps);
  return {
    backend,
    recorded: recording,
    cancellations: async () => peer.cancellations,
    crash: async () => {
      await peer.down();
      await peer.start();
    },
    close: async () => {
      await backend.stop();
      await peer.down();
      recording.watchdog.close();
    },
  };
}

backendContract('an HTTP backend of the legacy era with sessions and streams', async () => make({ era: 'legacy' }));
backendContract('an HTTP backend of the legacy era without sessions, answering in JSON', async () => make({ era: 'legacy', sessions: false, sse: false }));
backendContract('an HTTP backend of the modern era, streaming', async () => make({ era: 'modern' }));
backendContract('an HTTP backend of the modern era, answering in JSON', async () => make({ era: 'modern', sse: false }));
