// Arguments must match the backend's own schema, checked off the main thread: the schema is the backend's text. Before that,
// the headers that repeat some of them must say the same (SEP-2243, SH9): no proxy on the way may have been told another story. A prompt
// has no schema: its arguments are held to what it declares.
import type { PromptCall } from '../../core/call.ts';
import type { ArgumentError, Decision, Violation } from '../../core/decision.ts';
import { toRaw } from '../../core/json/compose.ts';
import { pathOf } from '../../core/json/segment.ts';
import type { SchemaVerdict } from '../../core/ports.ts';
import { principalKey } from '../../core/principal.ts';
import type { ArgumentSettings } from '../../core/settings.ts';
import { cut } from '../../core/text.ts';
import { declaredNames } from '../../relay/declared.ts';
import { mirrorFault, type MirrorFault } from '../../relay/mirrored.ts';
import { promptArgumentErrors } from '../../relay/prompt-arguments.ts';
import type { Stage, StageContext } from '../stage.ts';

/** A call without `arguments` is checked as an empty object, so that `required` holds (E14). */
const NONE = toRaw({});
/** The name is the backend's text. */
const HEADER_NAME_MAX = 128;
const PLACE_UNITS = 200;

export const argumentsStage: Stage = {
  name: 'arguments',
  async run(call, cx) {
    if (call.kind === 'prompt') return checkPrompt(call, cx);
    if (call.kind !== 'tool') return { kind: 'pass', rule: 'arguments:none' };
    const entry = cx.snapshot.catalog.byBackend.get(call.target.backend)?.tools.get(call.target.name);
    if (entry?.inputSchema === undefined) return { kind: 'pass', rule: 'arguments:no-schema' };
    // Before the schema, which costs a turn of the worker; most tools mirror nothing.
    const fault = cx.paramHeaders === undefined || entry.mirrors.length === 0 ? undefined : mirrorFault(entry.mirrors, call.args, cx.paramHeaders);
    if (fault !== undefined) return mismatch(fault);
    const verdict = await cx.schemas.check(entry.inputSchema, entry.digest, call.args ?? NONE, principalKey(call.principal));
    return toDecision(verdict, cx.snapshot.settings.arguments, (found) => placed(found, declaredNames(entry), cx));
  },
};

function checkPrompt({ target, args }: PromptCall, { snapshot }: StageContext): Decision {
  const entry = snapshot.catalog.byBackend.get(target.backend)?.prompts.get(target.name);
  const errors = entry === undefined ? [] : promptArgumentErrors(entry.definition, args);
  if (errors.length === 0) return { kind: 'pass', rule: 'arguments:prompt' };
  return { kind: 'deny', rule: 'arguments:prompt', reason: { code: 'invalid_arguments', errors }, mode: snapshot.settings.arguments.mode, severity: 'low', note: placesOf(errors) };
}

/** No mode: that both say the same is the protocol's demand, not a rule of the operator's. */
function mismatch({ header, problem }: MirrorFault): Decision {
  const name = header.slice(0, HEADER_NAME_MAX);
  return { kind: 'deny', rule: 'arguments:headers', reason: { code: 'header_mismatch', header: name, problem }, severity: 'low', note: `${name} ${problem}` };
}

/** The agent reads its own keys; a record only those that the schema names. */
function placed(found: readonly Violation[], declared: ReadonlySet<string>, cx: StageContext): readonly ArgumentError[] {
  const segment = cx.segment(declared);
  return found.map(({ steps, ...error }) => ({ ...error, place: cut(pathOf(steps, segment), PLACE_UNITS) }));
}

function toDecision(verdict: SchemaVerdict, settings: ArgumentSettings, place: (found: readonly Violation[]) => readonly ArgumentError[]): Decision {
  switch (verdict.kind) {
    case 'valid': return { kind: 'pass', rule: 'arguments:schema' };
    case 'invalid': {
      const errors = place(verdict.errors);
      return { kind: 'deny', rule: 'arguments:schema', reason: { code: 'invalid_arguments', errors }, mode: settings.mode, severity: 'low', note: placesOf(errors) };
    }
    // Not the schema's fault, so `on_unusable` does not speak of it: else a crowd would be a way past the check.
    case 'unchecked': return { kind: 'deny', rule: 'arguments:unchecked', reason: { code: 'stage_failed', stage: 'arguments' }, mode: settings.mode, severity: 'medium', note: verdict.note };
    case 'unusable':
      if (settings.onUnusable === 'allow') return { kind: 'pass', rule: 'arguments:unusable-schema', note: verdict.note };
      return { kind: 'deny', rule: 'arguments:unusable-schema', reason: { code: 'invalid_arguments', errors: [{ path: '', place: '', keyword: '$schema', message: 'cannot be checked: the schema of this tool is not usable' }] }, mode: settings.mode, severity: 'medium', note: verdict.note };
  }
}

/** Where and which rule; the words of the answer name more, but evidence holds nothing an agent wrote. */
function placesOf(errors: readonly ArgumentError[]): string {
  return errors.map(({ place, keyword }) => `${place === '' ? '/' : place} ${keyword}`).join('; ');
}
