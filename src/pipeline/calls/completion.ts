// `completion/complete`: authorised as the prompt or template it completes; the backend reads its own name or URI.
import type { Endpoint, Target } from '../../core/call.ts';
import type { Catalog } from '../../core/catalog.ts';
import { quote, withMembers } from '../../core/json/compose.ts';
import type { RawJson } from '../../core/json/scan.ts';
import { kindOf, members, stringOf } from '../../core/json/slice.ts';
import { splitUri } from '../../core/policy/uris.ts';
import { unknownName } from '../../relay/errors.ts';
import { readMeta } from '../../relay/meta.ts';
import { type CallMethod, type Found, viewOf } from './method.ts';
import { promptAt } from './prompt.ts';
import { resourceAt } from './resource.ts';

export const completions: CallMethod = {
  invalid: 'Invalid completion params: ref of a prompt or a resource template, and argument with name and value',
  continues: false,
  ask(params) {
    const all = members(params);
    const asked = readAsked(all);
    if (asked === undefined) return undefined;
    const { ref, kind, exposed, argument, context } = asked;
    return {
      kind,
      exposed,
      meta: readMeta(params),
      content: argument,
      find: (catalog, endpoint) => {
        const at = kind === 'prompt' ? promptRef(catalog, endpoint, exposed) : templateRef(catalog, endpoint, exposed);
        return at === undefined ? undefined : found(at, withMembers(ref, { set: { [kind === 'prompt' ? 'name' : 'uri']: quote(at.own) } }), argument, context);
      },
      // A bad ref is a matter of params in every revision; -32002 is for reading.
      unknown: () => unknownName(kind, exposed, 'modern'),
    };
  },
};

interface Read {
  readonly kind: 'prompt' | 'resource';
  readonly exposed: string;
  readonly ref: RawJson;
  readonly argument: RawJson;
  readonly context: RawJson | undefined;
}

function readAsked(all: ReadonlyMap<string, RawJson> | undefined): Read | undefined {
  const ref = all?.get('ref');
  const argument = all?.get('argument');
  const context = all?.get('context');
  const told = members(argument);
  if (ref === undefined || argument === undefined || stringOf(told?.get('name')) === undefined || stringOf(told?.get('value')) === undefined) return undefined;
  if (context !== undefined && kindOf(context) !== 'object') return undefined;
  const of = members(ref);
  const type = stringOf(of?.get('type'));
  if (type !== 'ref/prompt' && type !== 'ref/resource') return undefined;
  const kind = type === 'ref/prompt' ? 'prompt' : 'resource';
  const exposed = stringOf(of?.get(kind === 'prompt' ? 'name' : 'uri'));
  return exposed === undefined ? undefined : { kind, exposed, ref, argument, context };
}

interface Ref {
  readonly target: Target;
  /** As the backend says it. */
  readonly own: string;
}

function promptRef(catalog: Catalog, endpoint: Endpoint, name: string): Ref | undefined {
  const target = promptAt(catalog, endpoint, name)?.target;
  return target === undefined ? undefined : { target, own: target.name };
}

/** A template by its text, else a resource by its URI, which some clients send while its last variable is typed. */
function templateRef(catalog: Catalog, endpoint: Endpoint, exposed: string): Ref | undefined {
  const split = endpoint.kind === 'merged' ? splitUri(exposed) : undefined;
  const backend = split === undefined ? undefined : catalog.byUriPrefix.get(split.prefix);
  const own = split?.uri ?? exposed;
  const view = backend === undefined ? viewOf(catalog, endpoint) : catalog.byBackend.get(backend);
  const template = view?.templates.get(own);
  if (template !== undefined) return { target: template.target, own };
  const at = resourceAt(catalog, endpoint, exposed);
  return at === undefined ? undefined : { target: at.target, own: at.uri };
}

function found({ target }: Ref, ref: RawJson, argument: RawJson, context: RawJson | undefined): Found {
  return {
    target,
    call: ({ continuation, ...basis }) => {
      void continuation;
      return { ...basis, kind: 'completion', ref, argument, context };
    },
  };
}
