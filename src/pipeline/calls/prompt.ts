// `prompts/get`: names as those of tools, in a table of their own.
import type { Endpoint } from '../../core/call.ts';
import type { Catalog, Entry } from '../../core/catalog.ts';
import type { RawJson } from '../../core/json/scan.ts';
import { kindOf, members, stringOf } from '../../core/json/slice.ts';
import { unknownName } from '../../relay/errors.ts';
import { readMeta } from '../../relay/meta.ts';
import { type CallMethod, type Found, viewOf } from './method.ts';

export const promptGets: CallMethod = {
  invalid: 'Missing prompt name in params, or arguments that are not an object',
  continues: true,
  ask(params) {
    const all = members(params);
    const args = all?.get('arguments');
    const name = stringOf(all?.get('name'));
    if (name === undefined || (args !== undefined && kindOf(args) !== 'object')) return undefined;
    return {
      kind: 'prompt',
      exposed: name,
      meta: readMeta(params),
      content: args ?? '',
      find: (catalog, endpoint) => found(catalog, endpoint, name, args),
      unknown: (era) => unknownName('prompt', name, era),
    };
  },
};

export function promptAt(catalog: Catalog, endpoint: Endpoint, name: string): Entry | undefined {
  return endpoint.kind === 'merged' ? catalog.promptsByExposed.get(name) : viewOf(catalog, endpoint)?.prompts.get(name);
}

function found(catalog: Catalog, endpoint: Endpoint, name: string, args: RawJson | undefined): Found | undefined {
  const entry = promptAt(catalog, endpoint, name);
  return entry === undefined ? undefined : { target: entry.target, call: (basis) => ({ ...basis, kind: 'prompt', args }) };
}
