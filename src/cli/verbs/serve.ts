// `sentinel serve`: the gateway in the foreground. Never daemonizes.
import { runGateway } from '../foreground.ts';
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
  run: (cx) => runGateway(cx, cx.configFile, () => []),
};

export const verbs: readonly Verb[] = [serve];
