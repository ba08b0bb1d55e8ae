// The lines that say what runs: the same from `serve`, `start` and a second `start`.
import type { StatusReport } from '../core/operations.ts';
import { printable } from '../core/text.ts';
import { count } from './render.ts';

/** Six lines: version, endpoint, control socket, backends, tools, policy. */
export function announcement(report: StatusReport): string {
  const ready = report.backends.filter((backend) => backend.state === 'ready');
  const states = report.backends.map((backend) => `${printable(backend.id)} (${backend.transport}${backend.state === 'ready' ? '' : `, ${backend.state}`})`);
  const rows: readonly (readonly [string, string])[] = [
    ['version', `sentinel ${printable(report.version)}, pid ${report.pid}`],
    ['endpoint', report.endpoint],
    ['control', report.controlSocket],
    ['backends', `${ready.length}/${report.backends.length} ready${states.length === 0 ? '' : `: ${states.join(', ')}`}`],
    ['tools', count(report.tools, 'tool')],
    ['policy', printable(report.policy)],
  ];
  return rows.map(([name, value]) => `${name.padEnd(9)} ${value}`).join('\n');
}
