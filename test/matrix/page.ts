// The tested verdicts as the tables of docs/protocol.md; the test compares, `node test/matrix/page.ts` prints them.
import { FEATURES, REVISIONS, verdict, type Able, type Feature, type Revision, type Verdict } from './verdicts.ts';

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
const side = (revision: Revision): { readonly revision: Revision; readonly way: 'http' } => ({ revision, way: 'http' });

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [row(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(row)].join('\n');
}

function cell(agent: Revision, backend: Revision, able: Able): string {
  const lacks = FEATURES.flatMap((feature) => {
    const { kind } = verdict(side(agent), side(backend), feature, able);
    return kind === 'ok' ? [] : [`${feature}: ${kind}`];
  });
  return lacks.length === 0 ? 'all ten' : lacks.join(', ');
}

const reason = (one: Verdict): string => (one.kind === 'ok' ? '' : `${one.kind}: ${one.why}`);

/** Agents down, backends across; then what an agent hears that cannot be asked. */
export function bridgingTables(): readonly string[] {
  const revisions = table(['Agent \\ backend', ...REVISIONS], REVISIONS.map((agent) => [agent, ...REVISIONS.map((backend) => cell(agent, backend, 'asked'))]));
  const asking: readonly Feature[] = ['elicit', 'sample'];
  const rows = asking.flatMap((feature) => [['2025', '2025-11-25'], ['2026-07-28', '2026-07-28']].flatMap(([name, backend]) =>
    (['2025-11-25', '2026-07-28'] as const).map((agent) => {
      const one = verdict(side(agent), side(backend === '2025-11-25' ? '2025-11-25' : '2026-07-28'), feature, 'mute');
      return [feature, agent === '2026-07-28' ? agent : '2025', name ?? '', reason(one), one.kind === 'ok' ? '' : `\`${one.said}\``];
    })));
  return [revisions, table(['Question', 'Agent', 'Backend', 'Verdict', 'The agent reads'], rows)];
}

if (import.meta.main) process.stdout.write(`${bridgingTables().join('\n\n')}\n`);
