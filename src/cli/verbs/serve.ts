// `sentinel serve`: the gateway in the foreground. Never daemonizes.
import { readFileSync } from 'node:fs';
import { runGateway } from '../foreground.ts';
import type { StatusReport } from '../../core/operations.ts';
import { printable } from '../../core/text.ts';
import { demoPortIn, EVERYTHING } from '../demo/plan.ts';
import type { Verb } from '../verb.ts';

const serve: Verb = {
  name: 'serve',
  summary: 'run the gateway in the foreground',
  usage: '',
  examples: [
    { run: 'sentinel serve', does: 'serves agents until SIGINT or SIGTERM; logs go to stderr' },
    { run: 'sentinel serve --config /etc/sentinel/sentinel.toml --json', does: 'prints one JSON object when it is ready' },
  ],
  about: 'SIGHUP reads the configuration again. The first SIGTERM or SIGINT lets calls in flight end (gateway.drain_timeout), the second ends at once.',
  options: {},
  operands: [0, 0],
  run: (cx) => runGateway(cx, cx.configFile, (status) => {
    for (const hint of hintsOf(status)) cx.err(cx.remedy(hint));
    return [];
  }),
};

export const verbs: readonly Verb[] = [serve];

/** What somebody sees for the first time, and would otherwise have to find out: nothing behind the gateway, or the demo without its server. */
export function hintsOf({ backends, configFile }: Pick<StatusReport, 'backends' | 'configFile'>): readonly string[] {
  const file = printable(configFile ?? 'the configuration');
  if (backends.length === 0) return [`next: name your MCP servers in ${file}, then: sentinel reload`];
  const demo = backends.find((backend) => backend.id === EVERYTHING && backend.state !== 'ready');
  const port = demo === undefined || configFile === undefined ? undefined : demoPortIn(textOf(configFile));
  return port === undefined ? [] : [`note: ${EVERYTHING} is the demo's server on port ${port}, which only \`sentinel start\` runs; remove it from ${file}, or use start`];
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
