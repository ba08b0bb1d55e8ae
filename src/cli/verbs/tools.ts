// `sentinel tools`: the catalogue as a role sees it.
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
  const head = asRole ? ['TOOL', 'TARGET', 'DIGEST', 'ROLE MAY'] : ['TOOL', 'TARGET', 'DIGEST'];
  const rows = listed.map((tool) => [tool.name, tool.target, tool.digest.slice(0, 12), ...(asRole ? [tool.visible ? 'list and call' : 'neither'] : [])]);
  cx.out(table(head, rows, { width: cx.isTty.stdout ? cx.width : undefined, paint: cx.paint }));
  if (asRole) cx.err(`${count(listed.filter((tool) => tool.visible).length, 'tool')} visible to ${roles.join(', ')}, of ${answer.value.length}`);
  return EXIT.ok;
}
