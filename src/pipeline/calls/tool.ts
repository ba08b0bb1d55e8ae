// `tools/call`: by exposed name on the merged endpoint, by original name on a single one.
import type { Catalog } from '../../core/catalog.ts';
import type { Endpoint } from '../../core/call.ts';
import type { RawJson } from '../../core/json/scan.ts';
import { kindOf, members, stringOf } from '../../core/json/slice.ts';
import { unknownName } from '../../relay/errors.ts';
import { readMeta } from '../../relay/meta.ts';
import { type CallMethod, type Found, viewOf } from './method.ts';

export const toolCalls: CallMethod = {
  invalid: 'Missing tool name in params, or arguments that are not an object',
  continues: true,
  ask(params) {
    const all = members(params);
    const args = all?.get('arguments');
    const name = stringOf(all?.get('name'));
    if (name === undefined || (args !== undefined && kindOf(args) !== 'object')) return undefined;
    return {
      kind: 'tool',
      exposed: name,
      meta: readMeta(params),
      content: args ?? '',
      find: (catalog, endpoint) => found(catalog, endpoint, name, args),
      unknown: (era) => unknownName('tool', name, era),
    };
  },
};

function found(catalog: Catalog, endpoint: Endpoint, name: string, args: RawJson | undefined): Found | undefined {
  const entry = endpoint.kind === 'merged' ? catalog.byExposed.get(name) : viewOf(catalog, endpoint)?.tools.get(name);
  return entry === undefined ? undefined : { target: entry.target, call: (basis) => ({ ...basis, kind: 'tool', args }) };
}
