// A shipper in a thread of its own, as the gateway runs it: ships what a journal in memory holds, then holds its lock until it is ended.
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { fileCursor } from '../../../src/stores/ship/cursor.ts';
import { Shipper } from '../../../src/stores/ship/shipper.ts';
import { CLOCK, Journal, NODE } from './synthetic.ts';

const { url, folder } = workerData;
const journal = new Journal();
journal.many(700);
const shipper = new Shipper({ url, node: NODE, lockPath: join(folder, 'ship.lock'), bounds: { pollMs: 5, standbyMs: 20 } }, {
  source: journal, cursor: fileCursor(join(folder, 'cursor')), checkpoints: fileCursor(join(folder, 'checkpoints')), clock: CLOCK, random: { float: () => 0.5 },
  timers: {
    after: (ms, run) => {
      const timer = setTimeout(run, ms);
      return () => clearTimeout(timer);
    },
  },
});
shipper.start();
const look = setInterval(() => {
  const health = shipper.health();
  if (health.shipped < 700) return;
  clearInterval(look);
  parentPort?.postMessage(health);
}, 5);
