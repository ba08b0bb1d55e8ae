// Permits for calls that are no tool calls.
import type { CompletionCall, ListenCall, PromptCall, ResourceCall } from '../../src/core/call.ts';
import { backendId } from '../../src/core/ids.ts';
import { issuePermit, type Permit } from '../../src/core/permit.ts';
import { json, toolCall } from './support.ts';

const backend = backendId('peer');

export function promptPermit(name: string, args?: unknown, over: Partial<PromptCall> = {}): Permit {
  const call: PromptCall = { ...toolCall(name, args), kind: 'prompt', target: { kind: 'prompt', backend, name }, ...over };
  return issuePermit(call, [], 1);
}

/** `uri`: the backend's own. */
export function resourcePermit(uri: string, over: Partial<ResourceCall> = {}): Permit {
  const call: ResourceCall = { ...toolCall(uri), kind: 'resource', uri, exposed: `peer+${uri}`, target: { kind: 'resource', backend, name: uri }, ...over };
  return issuePermit(call, [], 1);
}

export function completionPermit(ref: unknown, argument: unknown, context?: unknown): Permit {
  const call: CompletionCall = {
    ...toolCall('completion'), kind: 'completion', target: { kind: 'prompt', backend, name: 'completion' },
    ref: json(ref), argument: json(argument), context: context === undefined ? undefined : json(context),
  };
  return issuePermit(call, [], 1);
}

export function listenPermit(uri: string): Permit {
  const call: ListenCall = { ...toolCall(uri), kind: 'listen', uri, target: { kind: 'resource', backend, name: uri } };
  return issuePermit(call, [], 1);
}
