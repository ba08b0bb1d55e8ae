// Whether the arguments of `prompts/get` are what the prompt asks for: those it requires are there, and each is a text, as the protocol
// has them (MCP `GetPromptRequest`). A prompt has no schema, so nothing more is known of them; extra ones are the backend's business.
import type { ArgumentError } from '../core/decision.ts';
import type { RawJson } from '../core/json/scan.ts';
import { elements, kindOf, memberOf, members, stringOf } from '../core/json/slice.ts';
import { cut, printable } from '../core/text.ts';

/** As many as are told of a tool's arguments. */
const MOST_ERRORS = 16;
const NAME_UNITS = 64;

/** `definition`: the prompt as its backend lists it. Empty when nothing is wrong. */
export function promptArgumentErrors(definition: RawJson, args: RawJson | undefined): readonly ArgumentError[] {
  const declared = (elements(memberOf(definition, 'arguments')) ?? []).flatMap((one) => declaredIn(one));
  const given = members(args) ?? new Map<string, RawJson>();
  const missing = declared.filter(({ name, isRequired }) => isRequired && !given.has(name)).map(({ name }) => (
    { path: '', keyword: 'required', message: `must have required argument '${shown(name)}'` }));
  const known = new Set(declared.map(({ name }) => name));
  // A path goes into the evidence, which holds nothing an agent wrote: a name that the prompt does not have is not repeated.
  const untexted = [...given].filter(([, value]) => kindOf(value) !== 'string').map(([name]) => (
    { path: known.has(name) ? `/${shown(name.replaceAll('~', '~0').replaceAll('/', '~1'))}` : '', keyword: 'type', message: known.has(name) ? 'must be string' : 'must have only strings' }));
  return [...missing, ...untexted].slice(0, MOST_ERRORS).map((error) => ({ ...error, place: error.path }));
}

interface Declared {
  readonly name: string;
  readonly isRequired: boolean;
}

function declaredIn(item: RawJson): readonly Declared[] {
  const all = members(item);
  const name = stringOf(all?.get('name'));
  return name === undefined ? [] : [{ name, isRequired: all?.get('required') === 'true' }];
}

/** The name is the backend's text. */
function shown(name: string): string {
  return cut(printable(name), NAME_UNITS);
}
