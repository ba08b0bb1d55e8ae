// The thread that writes the audit's journal, so that a disk or another process's lock never stops the event loop (and with it the kill switch).
import { parentPort, workerData } from 'node:worker_threads';
import { serveJournal } from '../stores/journal/serve-thread.ts';
import { processLife } from '../stores/life.ts';
import { systemClock, systemRandom, systemTimers } from './system.ts';

if (parentPort === null) throw new TypeError('journal-thread is a worker of app/memory.ts');
serveJournal(parentPort, workerData, { clock: systemClock, random: systemRandom, timers: systemTimers, life: processLife() });
