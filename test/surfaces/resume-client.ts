// An agent of the 2025 revisions that loses its connections: it reads a stream up to any byte, and comes back with the last id it read whole.
import assert from 'node:assert/strict';
import type { LegacySession } from './speak.ts';
import { ask, type Asking, eventually, openStream, type Reply } from './wire.ts';

export interface SseEvent {
  readonly id: string | undefined;
  readonly retry: string | undefined;
  readonly data: string;
}

/** Whole events only; comments and what was cut off are left out. */
export function eventsIn(text: string): readonly SseEvent[] {
  return text.split('\n\n').slice(0, -1).flatMap((block): SseEvent[] => {
    const field = (name: string): string | undefined => block.split('\n').find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
    const data = field('data');
    return data === undefined ? [] : [{ id: field('id'), retry: field('retry'), data }];
  });
}

/** Of the events that carry one. */
export function messagesIn(events: readonly SseEvent[]): readonly string[] {
  return events.filter(({ data }) => data !== '').map(({ data }) => data);
}

export interface Part {
  readonly status: number;
  readonly type: string;
  readonly events: readonly SseEvent[];
  /** The stream ended by itself before `most` bytes. */
  readonly ended: boolean;
}

/** Reads at most this much, then cuts the connection and forgets what came on top. */
export async function readPart(asking: Asking, most: number = Number.MAX_SAFE_INTEGER): Promise<Part> {
  const stream = await openStream(asking);
  let ended = false;
  void stream.ended.then(() => (ended = true));
  await eventually(() => ended || stream.text().length >= most, `${most} bytes, or the end of ${stream.text().slice(-200)}`);
  stream.cut();
  const text = stream.text();
  return { status: stream.status, type: String(stream.headers['content-type']), events: eventsIn(text.slice(0, most)), ended: ended && text.length <= most };
}

export function lastId(events: readonly SseEvent[]): string {
  return events.findLast(({ id }) => id !== undefined)?.id ?? '';
}

const STREAM = { Accept: 'text/event-stream' };

export function resuming(talk: LegacySession, id: string, headers: Asking['headers'] = {}): Asking {
  return { ...talk.with({ ...STREAM, 'Last-Event-ID': id, ...headers }), method: 'GET' };
}

/** For what is refused. */
export async function resumed(talk: LegacySession, id: string, headers: Asking['headers'] = {}): Promise<Reply> {
  return ask(resuming(talk, id, headers));
}

/** Asks for a stream from the start. */
export const STREAM_FIRST: NonNullable<Asking['headers']> = { Accept: 'text/event-stream, application/json' };

export function streaming(talk: LegacySession, name: string, args: object, id: string | number = 1, headers: Asking['headers'] = {}): Asking {
  const { headers: own, ...rest } = talk.request('tools/call', { name, arguments: args, _meta: { progressToken: 'p' } }, id);
  return { ...rest, headers: { ...own, ...STREAM_FIRST, ...headers } };
}

/** The step a progress notification tells of. */
export function progressOf(data: string): number | undefined {
  const step = /"progress":(\d+)/.exec(data)?.[1];
  return step === undefined ? undefined : Number(step);
}

/** A call that was begun, and whose connection was lost after some bytes. */
export async function broken(talk: LegacySession, args: object, bytes: number, id: string | number = 1): Promise<Part> {
  const part = await readPart(streaming(talk, 'progress', args, id), bytes);
  assert.equal(part.ended, false, 'it was cut before its end');
  return part;
}
