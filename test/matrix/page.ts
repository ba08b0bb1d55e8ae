// The tested verdicts as the tables of docs/protocol.md; the test compares, `node test/matrix/page.ts` prints them.
import { FEATURES, REVISIONS, verdict, type Able, type BackendSide, type Feature, type Revision, type Side, type Verdict } from './verdicts.ts';

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
const side = (revision: Revision): Side => ({ revision, way: 'http' });
const BACKENDS: readonly BackendSide[] = [...REVISIONS.map(side), { revision: '2024-11-05', way: 'sse' }];

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [row(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(row)].join('\n');
}

function cell(agent: Revision, backend: BackendSide, able: Able): string {
  const lacks = FEATURES.flatMap((feature) => {
    const { kind } = verdict(side(agent), backend, feature, able);
    return kind === 'ok' ? [] : [`${feature}: ${kind}`];
  });
  return lacks.length === 0 ? 'all ten' : lacks.join(', ');
}

const reason = (one: Verdict): string => (one.kind === 'ok' ? '' : `${one.kind}: ${one.why}`);

/** Agents down, backends across; then what an agent hears that cannot be asked. */
export function bridgingTables(): readonly string[] {
  const revisions = table(['Agent \\ backend', ...BACKENDS.map(({ revision, way }) => (way === 'sse' ? `${revision}, HTTP+SSE` : revision))], REVISIONS.map((agent) => [agent, ...BACKENDS.map((backend) => cell(agent, backend, 'asked'))]));
  const asking: readonly Feature[] = ['elicit', 'sample'];
  const rows = asking.flatMap((feature) => [['2025', '2025-11-25'], ['2026-07-28', '2026-07-28']].flatMap(([name, backend]) =>
    (['2025-11-25', '2026-07-28'] as const).map((agent) => {
      const one = verdict(side(agent), side(backend === '2025-11-25' ? '2025-11-25' : '2026-07-28'), feature, 'mute');
      return [feature, agent === '2026-07-28' ? agent : '2025', name ?? '', reason(one), one.kind === 'ok' ? '' : `\`${one.said}\``];
    })));
  return [revisions, table(['Question', 'Agent', 'Backend', 'Verdict', 'The agent reads'], rows)];
}

if (import.meta.main) process.stdout.write(`${bridgingTables().join('\n\n')}\n`);
