// A call whose backend asks its modern agent: what it takes to have one wait, and to come back to it.
import assert from 'node:assert/strict';
import { NO_CAPABILITIES, type ClientCapabilities, type Question, type QuestionReply } from '../../src/core/capabilities.ts';
import { backendId } from '../../src/core/ids.ts';
import type { Answer } from '../../src/core/inbound.ts';
import { toRaw } from '../../src/core/json/compose.ts';
import type { CallIo } from '../../src/core/ports.ts';
import { okText, origin, parse, read, type Message, type World } from '../support/world.ts';

export const FORM: { readonly message: string; readonly requestedSchema: object } = { message: 'Delete?', requestedSchema: { type: 'object', properties: { ok: { type: 'boolean' } } } };
export const elicit: Question = { method: 'elicitation/create', params: toRaw(FORM) };
export const ELICITS: ClientCapabilities = { ...NO_CAPABILITIES, elicitForm: true };
export const able = (capabilities: ClientCapabilities = ELICITS): { readonly origin: ReturnType<typeof origin> } => ({ origin: origin({ capabilities }) });
export const NEVER: AbortSignal = new AbortController().signal;
export const ACCEPT: { readonly action: string; readonly content: { readonly ok: boolean } } = { action: 'accept', content: { ok: true } };

/** A world in motion: tests let promises settle, and time pass, by hand. */
export async function settle(w: World, ms: number = 0): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  w.clock.advance(ms);
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** Asks `questions` one after another, then answers with what it heard. */
export function asks(...questions: readonly Question[]): (permit: unknown, io: CallIo) => Promise<ReturnType<typeof okText>> {
  return async (_permit, io) => {
    const heard: (QuestionReply | undefined)[] = [];
    for (const question of questions) heard.push(await io.ask?.(question, NEVER));
    return okText(JSON.stringify(heard.map((reply) => (reply?.kind === 'result' ? parse(reply.raw) : reply))));
  };
}

export interface Input { readonly state: string; readonly requests: Record<string, { readonly method: string; readonly params: Record<string, unknown> }> }

export function input(answer: Answer): Input {
  const { result } = read(answer);
  assert.equal(result?.['resultType'], 'input_required', JSON.stringify(read(answer)));
  const { requestState, inputRequests } = result;
  assert.equal(typeof requestState, 'string');
  const requests: Input['requests'] = JSON.parse(JSON.stringify(inputRequests));
  return { state: String(requestState), requests };
}

export async function parked(w: World, over: Parameters<World['ask']>[2] = able(), args: unknown = { r: 'x' }): Promise<Input> {
  const pending = w.callTool('alpha__echo', args, over);
  await settle(w, 50);
  return input(await pending);
}

export const retry = (w: World, state: unknown, responses: unknown, over: Parameters<World['ask']>[2] = able(), args: unknown = { r: 'x' }, name: string = 'alpha__echo'): Promise<Answer> =>
  w.ask('tools/call', { name, arguments: args, requestState: state, ...(responses === undefined ? {} : { inputResponses: responses }) }, over);
export const text = (message: Message): string => JSON.stringify(message.result?.['content']);
export const made = (w: World): number => w.backends.get(backendId('alpha'))?.calls.length ?? 0;
