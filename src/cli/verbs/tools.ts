// `sentinel tools`: the catalogue as a role sees it.
import { printable } from '../../core/text.ts';
import { openControl } from '../daemon.ts';
import { EXIT } from '../exit.ts';
import { publish } from '../publish.ts';
import { count, table } from '../render.ts';
import type { Verb, VerbContext } from '../verb.ts';

const tools: Verb = {
  name: 'tools',
  summary: 'list the tools behind the gateway, and which of them a role sees',
  usage: '',
  examples: [
    { run: 'sentinel tools', does: 'every tool, by the name agents use and by its canonical name' },
    { run: 'sentinel tools --as developer', does: 'the same, and whether that role may list and call it' },
  ],
  options: {
    as: { type: 'string', value: 'role', multiple: true, help: 'a role; again for several held together' },
    visible: { type: 'boolean', help: 'only what the role sees' },
  },
  operands: [0, 0],
  run,
};

export const verbs: readonly Verb[] = [tools];

async function run(cx: VerbContext): Promise<number> {
  const control = await openControl(cx);
  if (!control.ok) return cx.fail(control.error);
  const roles = cx.flags.list('as').flatMap((text) => text.split(',')).filter((role) => role !== '');
  const answer = await control.value.tools(roles);
  if (!answer.ok) return cx.fail(answer.error);
  const listed = cx.flags.on('visible') ? answer.value.filter((tool) => tool.visible) : answer.value;
  if (cx.json) {
    cx.outJson({ roles, tools: publish(listed) });
    return EXIT.ok;
  }
  if (listed.length === 0) {
    cx.err('no tools: sentinel status says which backends are up');
    return EXIT.ok;
  }
  const asRole = roles.length > 0;
  const head = asRole ? ['TOOL', 'TARGET', 'DIGEST', 'MAY CALL'] : ['TOOL', 'TARGET', 'DIGEST'];
  const rows = listed.map((tool) => [tool.name, tool.target, tool.digest.slice(0, 12), ...(asRole ? [tool.visible ? 'yes' : 'no'] : [])]);
  cx.out(table(head, rows, { width: cx.isTty.stdout ? cx.width : undefined, paint: cx.paint }));
  await tellUnknownRoles(cx, roles);
  if (asRole) cx.err(`${count(listed.filter((tool) => tool.visible).length, 'tool')} visible to ${roles.join(', ')}, of ${answer.value.length}`);
  return EXIT.ok;
}

/** By the file: the gateway answers for any name, and a mistyped one may call nothing, as many a real one. */
export async function tellUnknownRoles(cx: Pick<VerbContext, 'configFile' | 'env' | 'cwd' | 'err' | 'remedy'>, roles: readonly string[]): Promise<void> {
  if (roles.length === 0 || (cx.env['SENTINEL_CONTROL'] ?? '') !== '') return;
  const { readConfiguration } = await import('../../app/configuration.ts');
  const read = readConfiguration(cx);
  if (!read.ok) return;
  const known = read.value.settings.roles.map((role): string => role.name);
  for (const role of roles) if (!known.includes(role)) cx.err(`warning: no role ${printable(role)} in the configuration${known.length === 0 ? '' : `, which has ${printable(known.join(', '))}`}`);
}
