// `tools/call`: by exposed name on the merged endpoint, by original name on a single one.
import type { Catalog } from '../../core/catalog.ts';
import type { Endpoint } from '../../core/call.ts';
import type { RawJson } from '../../core/json/scan.ts';
import { kindOf, members, stringOf } from '../../core/json/slice.ts';
import { unknownName } from '../../relay/errors.ts';
import { readMeta } from '../../relay/meta.ts';
import { leaveFor, wishOf } from '../tasks/leave.ts';
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
      task: all?.get('task'),
      find: (catalog, endpoint) => found(catalog, endpoint, { name, args, task: all?.get('task') }),
      unknown: (era) => unknownName('tool', name, era),
    };
  },
};

interface Named {
  readonly name: string;
  readonly args: RawJson | undefined;
  readonly task: RawJson | undefined;
}

function found(catalog: Catalog, endpoint: Endpoint, { name, args, task }: Named): Found | undefined {
  const entry = endpoint.kind === 'merged' ? catalog.byExposed.get(name) : viewOf(catalog, endpoint)?.tools.get(name);
  const view = entry === undefined ? undefined : catalog.byBackend.get(entry.target.backend);
  if (entry === undefined || view === undefined) return undefined;
  return { target: entry.target, call: (basis) => ({ ...basis, kind: 'tool', args, task: leaveFor(wishOf(task, basis.origin), entry.taskSupport, view) }) };
}
