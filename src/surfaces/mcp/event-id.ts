// Ids of server-sent events of one session: whose stream it is and how far it was read. An id is a place and no secret: it is
// read only after the session was found for its own principal. Pure. Source: MCP 2025-11-25 transports, Resumability and Redelivery.

export interface Place {
  readonly stream: number;
  /** Number of the last event read; 0 = none. */
  readonly after: number;
}

/** `<tag>.<stream>.<event>`, and for an event without a message `<tag>.<stream>.<event before it>.<connection>`, so that no two are alike. */
export function eventId(log: string, event: number, connection?: number): string {
  return connection === undefined ? `${log}.${event}` : `${log}.${event}.${connection}`;
}

const NUMBER = '(0|[1-9][0-9]{0,14})';
const ID = new RegExp(String.raw`^([\w-]{1,32})\.${NUMBER}\.${NUMBER}(?:\.${NUMBER})?$`);
const LONGEST = 96;

/** Undefined for what this session (its tag) never wrote: rubbish, other spellings of a number, ids of another session. */
export function readEventId(text: string, tag: string): Place | undefined {
  const found = text.length > LONGEST ? null : ID.exec(text);
  return found === null || found[1] !== tag ? undefined : { stream: Number(found[2]), after: Number(found[3]) };
}
