// When a call came to each of its stations, and how often it went to its backend: for its record.
import type { Instant } from '../core/ids.ts';
import type { Took } from '../core/outcome.ts';
import type { Clock } from '../core/ports.ts';

export interface Way {
  readonly admitted: Instant | undefined;
  /** To its backend, for the first time. */
  sent: Instant | undefined;
  back: Instant | undefined;
  attempts: number;
}

/** Of a call that was not admitted. */
export const NOWHERE: Way = Object.freeze({ admitted: undefined, sent: undefined, back: undefined, attempts: 0 });

export function setOut({ mono }: Pick<Clock, 'mono'>): Way {
  return { admitted: mono(), sent: undefined, back: undefined, attempts: 0 };
}

/** To be called each time that it goes to its backend. */
export function sending(way: Way, { mono }: Pick<Clock, 'mono'>): () => void {
  return () => {
    way.sent ??= mono();
    way.attempts += 1;
  };
}

/** `screened`: when its result had been looked at. */
export function took(at: Instant, { admitted, sent, back, attempts }: Way, screened: Instant | undefined, { mono }: Pick<Clock, 'mono'>): Took {
  const from = sent ?? admitted;
  return {
    admitMs: (admitted ?? mono()) - at,
    queueMs: admitted === undefined || sent === undefined ? undefined : sent - admitted,
    dispatchMs: from === undefined || back === undefined ? undefined : back - from,
    screenMs: back === undefined || screened === undefined ? undefined : screened - back,
    attempts,
  };
}
