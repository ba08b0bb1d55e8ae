// `sentinel kills`: what is stopped now, by whom, why, until when.
import { openControl } from '../daemon.ts';
import { EXIT } from '../exit.ts';
import { publish } from '../publish.ts';
import { relative, table } from '../render.ts';
import type { Verb, VerbContext } from '../verb.ts';

const kills: Verb = {
  name: 'kills',
  summary: 'list what is stopped now',
  usage: '',
  examples: [
    { run: 'sentinel kills', does: 'a table: scope, since, until, by whom, why' },
    { run: 'sentinel kills --json', does: 'the same as one JSON object' },
  ],
  options: {},
  operands: [0, 0],
  run,
};

export const verbs: readonly Verb[] = [kills];

async function run(cx: VerbContext): Promise<number> {
  const control = await openControl(cx);
  if (!control.ok) return cx.fail(control.error);
  const listed = await control.value.kills();
  if (!listed.ok) return cx.fail(listed.error);
  if (cx.json) {
    cx.outJson({ kills: publish(listed.value) });
    return EXIT.ok;
  }
  if (listed.value.length === 0) {
    cx.err('nothing is stopped');
    return EXIT.ok;
  }
  const now = cx.now();
  const rows = listed.value.map((kill) => [
    kill.scope,
    kill.origin === 'config' ? 'configuration' : (kill.id ?? ''),
    kill.at === undefined ? '' : relative(kill.at, now),
    kill.until === undefined ? 'until undone' : relative(kill.until, now),
    kill.by ?? '',
    kill.reason ?? '',
  ]);
  cx.out(table(['SCOPE', 'ID', 'SINCE', 'UNTIL', 'BY', 'WHY'], rows, cx));
  return EXIT.ok;
}
