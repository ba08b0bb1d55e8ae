// The bridging matrix as data: what an agent of one revision gets of each feature of a backend of another. `matrix.test.ts` holds every cell
// to what happens between real peers, and docs/protocol.md to this.
export type Legacy = '2025-03-26' | '2025-06-18' | '2025-11-25';
export type Revision = Legacy | '2026-07-28';
export type Way = 'http' | 'stdio';
export type Feature = 'list' | 'call' | 'progress' | 'cancel' | 'elicit' | 'sample' | 'subscribe' | 'resource' | 'prompt' | 'complete';

export const REVISIONS: readonly Revision[] = ['2025-03-26', '2025-06-18', '2025-11-25', '2026-07-28'];
export const WAYS: readonly Way[] = ['http', 'stdio'];
export const FEATURES: readonly Feature[] = ['list', 'call', 'progress', 'cancel', 'elicit', 'sample', 'subscribe', 'resource', 'prompt', 'complete'];

export type Verdict =
  /** What an agent of the backend's own revision gets. */
  | { readonly kind: 'ok' }
  /** `downgraded`: the call ends as it does where nobody is there to ask. `refused`: it ends in an error that says why. `said`: what the agent reads. */
  | { readonly kind: 'downgraded' | 'refused'; readonly why: string; readonly said: string };

export interface Side {
  readonly revision: Revision;
  readonly way: Way;
}

/** HTTP+SSE is spoken to backends alone. */
export type BackendSide = Side | { readonly revision: '2024-11-05'; readonly way: 'sse' };

/** `asked`: it declares whatever its revision can be asked for. `mute`: it declares nothing. */
export type Able = 'asked' | 'mute';

const OK: Verdict = { kind: 'ok' };

/** What a question is called where it is lacking. */
const QUESTIONS: Readonly<Partial<Record<Feature, string>>> = { elicit: 'elicitation (form)', sample: 'sampling' };

/** Elicitation came with 2025-06-18. Everything else here is as old as the oldest revision. */
function canBeAsked(agent: Side, feature: Feature, able: Able): boolean {
  return able === 'asked' && (feature !== 'elicit' || agent.revision !== '2025-03-26');
}

/** The transports make no difference to any cell; the test asks over each all the same. */
export function verdict(agent: Side, backend: BackendSide, feature: Feature, able: Able): Verdict {
  const question = QUESTIONS[feature];
  if (question === undefined || canBeAsked(agent, feature, able)) return OK;
  if (backend.revision === '2026-07-28') {
    const why = 'the backend is told what the agent can be asked for, and refuses the call';
    return agent.revision === '2026-07-28'
      ? { kind: 'refused', why, said: 'error: -32021 Missing required client capability' }
      : { kind: 'refused', why, said: `tool error: This needs a client that can be asked for: ${question}.` };
  }
  if (feature === 'elicit') return { kind: 'downgraded', why: 'the gateway answers "decline", and the tool goes on', said: 'result: decline {}' };
  return { kind: 'refused', why: 'the gateway answers -32601, and the tool says so', said: 'tool error: MCP error -32601: Method not found: sampling/createMessage' };
}
