// What happens in one cell: each feature is used as its agent would use it, and what came of it is said in one word and the evidence.
import { setTimeout as delay } from 'node:timers/promises';
import { ITEM, NOTE } from '../fixtures/mcp/offers.ts';
import type { Agent, Said } from './agents.ts';
import type { Feature } from './verdicts.ts';

export interface Observed {
  /** `declined`: the call ended well, and nobody had been asked. */
  readonly kind: 'ok' | 'declined' | 'refused' | 'wrong';
  readonly evidence: string;
}

/** Names and URIs of one backend's things, as the agent sees them. */
export interface Things {
  readonly tool: (name: string) => string;
  readonly note: string;
  readonly item: string;
}

const OK: Observed = { kind: 'ok', evidence: '' };
const wrong = (evidence: unknown): Observed => ({ kind: 'wrong', evidence: typeof evidence === 'string' ? evidence : JSON.stringify(evidence) });
const WAIT_MS = 5000;

function gave(answer: Said, text: string): Observed {
  if (answer.kind === 'result' && answer.text === text) return OK;
  return { kind: answer.kind === 'result' ? 'wrong' : 'refused', evidence: `${answer.kind}: ${answer.text}` };
}

async function happens(holds: () => boolean | Promise<boolean>): Promise<boolean> {
  const deadline = performance.now() + WAIT_MS;
  while (performance.now() < deadline) {
    if (await holds()) return true;
    await delay(10);
  }
  return false;
}

/** On the merged endpoint. */
export function exposedThings(backend: string): Things {
  return { tool: (name) => `${backend}__${name}`, note: `${backend}+${NOTE}`, item: `${backend}+${ITEM}` };
}

/** On the endpoint of one backend. */
export const OWN_THINGS: Things = { tool: (name) => name, note: NOTE, item: ITEM };

export const OBSERVE: Readonly<Record<Feature, (agent: Agent, things: Things) => Promise<Observed>>> = {
  list: async (agent, { tool, note, item }) => {
    const listed = await agent.list();
    const missing = [...['echo', 'slow', 'seen', 'change', 'elicit', 'sample', 'greet'].map(tool), note, item].filter((name) => !listed.includes(name));
    return missing.length === 0 ? OK : wrong(`missing ${JSON.stringify(missing)}`);
  },
  call: async (agent, { tool }) => gave(await agent.call(tool('echo'), { word: 'wörd' }), 'wörd'),
  progress: async (agent, { tool }) => {
    const steps: number[] = [];
    const answer = await agent.call(tool('slow'), { hang: false }, { onProgress: (step) => void steps.push(step) });
    const rising = steps.every((step, at) => at === 0 || step > (steps[at - 1] ?? 0));
    return answer.text === 'done' && steps.at(-1) === 3 && rising ? OK : wrong({ answer, steps });
  },
  cancel: async (agent, { tool }) => {
    const count = async (): Promise<number> => Number(/"cancelled":(\d+)/.exec((await agent.call(tool('seen'), {})).text)?.[1] ?? Number.NaN);
    const before = await count();
    const cancel = new AbortController();
    let began = false;
    const calling = agent.call(tool('slow'), { hang: true }, { signal: cancel.signal, onProgress: () => void (began = true) });
    if (!(await happens(() => began))) return wrong('it never began');
    cancel.abort();
    await calling;
    return (await happens(async () => (await count()) === before + 1)) ? OK : wrong(`the backend saw ${(await count()) - before} cancels`);
  },
  elicit: async (agent, { tool }) => asks(agent, tool('elicit'), 'elicitation/create', 'accept {"ok":true}'),
  sample: async (agent, { tool }) => asks(agent, tool('sample'), 'sampling/createMessage', 'spoken'),
  subscribe: async (agent, { tool, note }) => {
    const before = agent.updated.length;
    const end = await agent.follow(note);
    if (typeof end !== 'function') return { kind: 'refused', evidence: end.text };
    const changed = await agent.call(tool('change'), {});
    if (changed.text !== 'changed') return wrong(changed);
    if (!(await happens(() => agent.updated.length > before))) return wrong('nothing was said');
    await end();
    const heard = agent.updated.slice(before);
    if (heard.some((uri) => uri !== note)) return wrong({ heard });
    const after = agent.updated.length;
    await agent.call(tool('change'), {});
    await agent.call(tool('echo'), { word: 'x' });
    return agent.updated.length === after ? OK : wrong('it was told after the end');
  },
  resource: async (agent, { note, item }) => {
    const read = await agent.read(note);
    if (read.kind !== 'result' || !/^note \d+$/.test(read.text)) return gave(read, 'note');
    return gave(await agent.read(item.replace('{id}', '7')), 'item 7');
  },
  prompt: async (agent, { tool }) => gave(await agent.prompt(tool('greet'), { name: 'anna' }), 'Greet anna'),
  complete: async (agent, { tool }) => gave(await agent.complete(tool('greet'), 'name', 'an'), 'anna anton'),
};

/** The tool asks once, and says what it was answered. */
export async function asks(agent: Agent, tool: string, method: string, accepted: string): Promise<Observed> {
  const before = agent.asked.length;
  const answer = await agent.call(tool, {});
  const heard = agent.asked.slice(before);
  if (heard.length === 0) return { kind: answer.kind === 'result' ? 'declined' : 'refused', evidence: `${answer.kind}: ${answer.text}` };
  return heard.length === 1 && heard[0] === method && answer.kind === 'result' && answer.text === accepted ? OK : wrong({ heard, answer });
}
