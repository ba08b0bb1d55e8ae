// The thread that ships, at its own end: it says how it stands whenever that changes and once a second, and ends when it is told to.
import type { MessagePort } from 'node:worker_threads';
import { join } from 'node:path';
import type { Clock, Random, Timers } from '../../core/ports.ts';
import { openSource } from '../journal/source.ts';
import { fileCursor } from './cursor.ts';
import { isShipOptions, type ShipReport } from './session.ts';
import { Shipper, type ShipperHealth } from './shipper.ts';

const TELL_MS = 1000;
/** What is left at the end is shipped by the next run; most of it is worth a moment. */
const LAST_MS = 2000;
const LOOK_MS = 50;

export interface ShipThreadDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly timers: Timers;
}

export function serveShipping(port: MessagePort, options: unknown, { clock, random, timers }: ShipThreadDeps): void {
  if (!isShipOptions(options)) throw new TypeError('the thread is started by session.ts');
  const { url, node, stateDir, directories } = options;
  const [folder] = directories;
  const say = (health: ShipperHealth): void => port.postMessage({ health } satisfies ShipReport);
  const shipper = new Shipper({ url, node, lockPath: join(stateDir, 'ship.lock') }, {
    source: openSource(directories, clock.wall), cursor: fileCursor(join(folder, 'shipped')), checkpoints: fileCursor(join(folder, 'shipped-checkpoints')),
    clock, random, timers, onChange: say,
  });
  const tell = (): void => {
    say(shipper.health());
    timers.after(TELL_MS, tell);
  };
  port.on('message', () => void end());
  shipper.start();
  tell();

  async function end(): Promise<void> {
    const until = clock.mono() + LAST_MS;
    for (;;) {
      const { state, lagRecords } = shipper.health();
      if (state !== 'shipping' || lagRecords === 0 || clock.mono() >= until) break;
      shipper.nudge();
      await new Promise<void>((resolve) => void timers.after(LOOK_MS, resolve));
    }
    await shipper.close();
    say(shipper.health());
    port.close();
  }
}
