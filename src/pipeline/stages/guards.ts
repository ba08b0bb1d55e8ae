// Content guards over the arguments. They watch: a finding is recorded beside the call and changes nothing on the wire
// until a rule of the policy enforces it.
import type { Call } from '../../core/call.ts';
import { elements, members, stringOf } from '../../core/json/slice.ts';
import type { RawJson } from '../../core/json/scan.ts';
import { hiddenText } from '../../guards/hidden-text.ts';
import type { Stage } from '../stage.ts';

export const guardsStage: Stage = {
  name: 'guards',
  run(call) {
    const [finding] = hiddenText(textOf(call));
    if (finding === undefined) return { kind: 'pass', rule: 'guards:none' };
    return { kind: 'deny', rule: finding.rule, reason: { code: 'guarded', finding }, mode: 'monitor', severity: finding.severity, note: finding.note };
  },
};

/** Only a character beyond ASCII, or an escape of one, can hide: most calls end here. */
const SUSPECT = /[^\u0000-\u007f]|\\u/;

function textOf(call: Call): string {
  const parts: string[] = [];
  for (const raw of saidIn(call)) if (raw !== undefined && SUSPECT.test(raw)) collect(raw, parts);
  return parts.join('\n');
}

/** All that the agent says to the backend beside a name: answers to what it was asked, or was not, are as much its words as arguments. */
function saidIn(call: Call): readonly (RawJson | undefined)[] {
  switch (call.kind) {
    case 'tool':
    case 'prompt': return [call.args, call.continuation?.responses];
    case 'resource': return [call.continuation?.responses];
    case 'completion': return [call.argument, call.context];
    case 'task': return [call.responses];
    case 'listen':
    case 'model': return [];
  }
}

/** Depth is bounded by the scanner's limit. */
function collect(raw: RawJson, parts: string[]): void {
  const text = stringOf(raw);
  if (text !== undefined) {
    parts.push(text);
    return;
  }
  for (const [key, value] of members(raw) ?? []) {
    parts.push(key);
    collect(value, parts);
  }
  for (const item of elements(raw) ?? []) collect(item, parts);
}
