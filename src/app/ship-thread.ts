// The thread that carries the audit's journal to PostgreSQL, so that a slow server costs the event loop nothing.
import { parentPort, workerData } from 'node:worker_threads';
import { serveShipping } from '../stores/ship/serve-thread.ts';
import { systemClock, systemRandom, systemTimers } from './system.ts';

if (parentPort === null) throw new TypeError('ship-thread is a worker of app/memory.ts');
serveShipping(parentPort, workerData, { clock: systemClock, random: systemRandom, timers: systemTimers });
