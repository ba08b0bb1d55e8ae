// What is asked of the gateway as a client of backends: C on every transport, CH over HTTP, CI on stdio.
import { ALL, LEGACY, MODERN, SINCE_2025_06, type Requirement } from './requirement.ts';

export const EVERY_TRANSPORT: readonly Requirement[] = [
  { id: 'C1', where: '2026-07-28 basic', asked: 'every request has the envelope, with the gateway as the client', on: 'both', revisions: MODERN },
  { id: 'C2', where: '2026-07-28 basic', asked: 'declared is what this agent declared and the operator allows, and no more', on: 'both', revisions: ALL, lacks: 'a legacy session is shared, and is told once what the operator allows; who cannot be asked declines' },
  { id: 'C3', where: '2026-07-28 basic', asked: 'ids are the gateway\'s own, unique in flight, and new for every round', on: 'both', revisions: ALL },
  { id: 'C4', where: '2026-07-28 basic/versioning', asked: '-32022 is answered by one more try in a common version, never by initialize', on: 'both', revisions: MODERN },
  { id: 'C5', where: '2026-07-28 basic', asked: 'no resultType is complete, an unknown one an error', on: 'both', revisions: MODERN },
  { id: 'C6', where: '2026-07-28 basic/patterns/mrtr', asked: 'questions are answered before the retry, the state is echoed byte for byte for that retry only, and rounds have an end', on: 'both', revisions: MODERN },
  { id: 'C7', where: '2026-07-28 basic/patterns/mrtr', asked: 'the state of a backend is neither read nor changed', on: 'both', revisions: MODERN },
  { id: 'C8', where: '2026-07-28 server/utilities/caching', asked: 'what is kept is kept for its principal, dropped when told, and never kept after a question', on: 'both', revisions: MODERN },
  { id: 'C9', where: '2026-07-28 server/utilities/pagination', asked: 'pages are read to the end, the one behind an empty cursor too, and a list without end is cut', on: 'both', revisions: ALL },
  { id: 'C10', where: '2026-07-28 basic/patterns/cancellation', asked: 'every request has a time; progress may renew it, up to a hard end', on: 'both', revisions: ALL },
  { id: 'C11', where: '2026-07-28 basic/patterns/cancellation', asked: 'answers to what was cancelled, or to nothing, settle nothing', on: 'both', revisions: ALL },
  { id: 'C12', where: '2026-07-28 server/tools', asked: 'what a tool says of itself in annotations allows and denies nothing', on: 'both', revisions: ALL, lacks: 'audit.on_failure = "continue" takes the word of readOnlyHint while the store is away: the operator asked for that' },
  { id: 'C13', where: '2026-07-28 server/tools', asked: 'schemas are checked without network and within bounds; structured content is checked against the schema of outputs', on: 'both', revisions: SINCE_2025_06, lacks: 'structured content is passed on unchecked: the agent\'s client checks it' },
  { id: 'C14', where: '2026-07-28 basic/transports/streamable-http', asked: 'a tool whose header annotations break the rules is left out, with a warning', on: 'http', revisions: MODERN },
  { id: 'C15', where: '2026-07-28 server/resources', asked: '-32002 of an older server means that the resource is not there', on: 'both', revisions: LEGACY },
  { id: 'C16', where: '2026-07-28 client/elicitation', asked: 'the agent is told which backend asks, gets the whole URL, and where both sides have the word for it (2025-11-25) hears when the visit is over', on: 'both', revisions: ALL },
  { id: 'C17', where: '2026-07-28 security best practices', asked: 'texts of backends are untrusted: none can speak for the gateway or for another backend', on: 'both', revisions: ALL },
  { id: 'C18', where: '2026-07-28 architecture', asked: 'no backend sees into another, or learns who the agent is', on: 'both', revisions: ALL },
];

export const HTTP: readonly Requirement[] = [
  { id: 'CH1', where: '2026-07-28 basic/transports/streamable-http', asked: 'a POST accepts both types and bears headers made anew from the backend\'s own names and schema', on: 'http', revisions: MODERN },
  { id: 'CH2', where: '2026-07-28 basic/transports/streamable-http', asked: 'JSON and event streams are read, comments ignored', on: 'http', revisions: ALL },
  { id: 'CH3', where: '2026-07-28 basic/versioning', asked: 'the era is tried and remembered for a while; refusals of access and faults are no evidence of one', on: 'http', revisions: ALL },
  { id: 'CH4', where: '2026-07-28 basic/versioning', asked: 'HTTP+SSE is tried where it is allowed, and its endpoint is of the same origin', on: 'http', revisions: LEGACY },
  { id: 'CH5', where: '2025-11-25 basic/transports', asked: 'session and version go with each request; a lost session is opened anew, no call is repeated, DELETE ends it', on: 'http', revisions: LEGACY },
  { id: 'CH6', where: '2026-07-28 basic/patterns/cancellation', asked: 'a modern backend is told by the end of the stream, a legacy one by notifications/cancelled', on: 'http', revisions: ALL },
  { id: 'CH7', where: '2026-07-28 basic/transports/streamable-http', asked: 'a call whose stream broke is asked again only where the operator calls it idempotent, as a new request', on: 'both', revisions: ALL },
  { id: 'CH8', where: '2026-07-28 basic/transports/streamable-http', asked: '-32020 leads to a new list and one more try, and stays here', on: 'http', revisions: MODERN },
  { id: 'CH9', where: '2026-07-28 security best practices', asked: 'redirects are not followed, and addresses are judged', on: 'http', revisions: ALL },
  { id: 'CH10', where: '2026-07-28 basic/authorization', asked: 'no header of the agent is passed on', on: 'http', revisions: ALL },
  { id: 'CH11', where: '2025-03-26 basic', asked: 'batches of a backend are read', on: 'http', revisions: ['2025-03-26'] },
  { id: 'CH12', where: '2025-11-25 basic/lifecycle', asked: 'the latest legacy revision is offered, a known counter-offer taken, another refused; initialized comes next; only what was negotiated is used', on: 'both', revisions: LEGACY },
];

export const STDIO: readonly Requirement[] = [
  { id: 'CI1', where: '2026-07-28 basic/versioning', asked: 'a child is asked in the modern way first; any error, silence or end leads to initialize', on: 'stdio', revisions: ALL },
  { id: 'CI2', where: '2026-07-28 basic/transports/stdio', asked: 'no response is written to a modern child', on: 'stdio', revisions: MODERN },
  { id: 'CI3', where: '2026-07-28 basic/transports/stdio', asked: 'notifications/cancelled cancels; its streams of changes are told apart by their id', on: 'stdio', revisions: ALL },
  { id: 'CI4', where: '2026-07-28 basic/transports/stdio', asked: 'a child is ended by closing its stdin, then TERM, then KILL, with its group', on: 'stdio', revisions: ALL },
  { id: 'CI5', where: '2026-07-28 basic/transports/stdio', asked: 'a child that ends is started again with growing pauses, and what is followed is followed again', on: 'stdio', revisions: ALL },
  { id: 'CI6', where: '2026-07-28 basic/transports/stdio', asked: 'stderr is read, bounded and masked, and is no error', on: 'stdio', revisions: ALL },
  { id: 'CI7', where: '2026-07-28 basic', asked: 'a process is not bound to an agent; where several share one, nobody gets what is another\'s', on: 'stdio', revisions: ALL },
  { id: 'CI8', where: 'ours', asked: 'lines have a bound, garbage is dropped and counted, too much replaces the child, floods rest in the pipe', on: 'stdio', revisions: ALL },
  { id: 'CI9', where: '2026-07-28 security best practices', asked: 'no shell, a program by an absolute way, an allow-list of variables, and its own secrets only', on: 'stdio', revisions: ALL },
];
