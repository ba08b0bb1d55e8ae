// `sentinel tools`: the catalogue as a role sees it: tools, and when asked prompts, resources and templates.
import type { ToolView } from '../../core/operations.ts';
import { ok } from '../../core/result.ts';
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
    { run: 'sentinel tools --all-kinds', does: 'prompts, resources and templates of resources as well' },
  ],
  options: {
    as: { type: 'string', value: 'role', multiple: true, help: 'a role; again for several held together' },
    'all-kinds': { type: 'boolean', help: 'prompts, resources and templates too' },
    visible: { type: 'boolean', help: 'only what the role sees' },
  },
  operands: [0, 0],
  run,
};

export const verbs: readonly Verb[] = [tools];

/** Sections after the tools, in their order; the JSON member of each. */
const SECTIONS = [['prompt', 'prompts'], ['resource', 'resources'], ['template', 'templates']] as const;

async function run(cx: VerbContext): Promise<number> {
  const control = await openControl(cx);
  if (!control.ok) return cx.fail(control.error);
  const roles = cx.flags.list('as').flatMap((text) => text.split(',')).filter((role) => role !== '');
  const answer = await control.value.tools(roles);
  if (!answer.ok) return cx.fail(answer.error);
  const objects = cx.flags.on('all-kinds') ? await control.value.objects(roles) : ok([]);
  if (!objects.ok) return cx.fail(objects.error);
  const shown = (view: ToolView): boolean => view.visible || !cx.flags.on('visible');
  const listed = answer.value.filter(shown);
  const sections = cx.flags.on('all-kinds') ? SECTIONS.map(([kind, member]) => [kind, member, objects.value.filter((view) => view.kind === kind && shown(view))] as const) : [];
  if (cx.json) {
    cx.outJson({ roles, tools: publish(listed), ...Object.fromEntries(sections.map(([, member, views]) => [member, publish(views)])) });
    return EXIT.ok;
  }
  const asRole = roles.length > 0;
  if (listed.length === 0) cx.err('no tools: sentinel status says which backends are up');
  else cx.out(tableOf(cx, 'TOOL', listed, asRole));
  for (const [kind, , views] of sections) if (views.length > 0) cx.out(`\n${tableOf(cx, kind.toUpperCase(), views, asRole)}`);
  if (listed.length === 0 && sections.every(([, , views]) => views.length === 0)) return EXIT.ok;
  await tellUnknownRoles(cx, roles);
  if (asRole) cx.err(`${count(listed.filter((tool) => tool.visible).length, 'tool')} visible to ${roles.join(', ')}, of ${answer.value.length}`);
  return EXIT.ok;
}

function tableOf(cx: VerbContext, title: string, views: readonly ToolView[], asRole: boolean): string {
  const head = [title, 'TARGET', 'DIGEST', ...(asRole ? [title === 'TOOL' ? 'MAY CALL' : 'MAY USE'] : [])];
  const rows = views.map((view) => [view.name, view.target, view.digest.slice(0, 12), ...(asRole ? [view.visible ? 'yes' : 'no'] : [])]);
  return table(head, rows, cx);
}

/** By the file: the gateway answers for any name, and a mistyped one may call nothing, as many a real one. */
async function tellUnknownRoles(cx: Pick<VerbContext, 'configFile' | 'env' | 'cwd' | 'err' | 'remedy'>, roles: readonly string[]): Promise<void> {
  if (roles.length === 0 || (cx.env['SENTINEL_CONTROL'] ?? '') !== '') return;
  const { readConfiguration } = await import('../../app/configuration.ts');
  const read = readConfiguration(cx);
  if (!read.ok) return;
  const known = read.value.settings.roles.map((role): string => role.name);
  for (const role of roles) if (!known.includes(role)) cx.err(`warning: no role ${printable(role)} in the configuration${known.length === 0 ? '' : `, which has ${printable(known.join(', '))}`}`);
}
