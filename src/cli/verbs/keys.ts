// `sentinel keys`: the keys that tokens are signed with. Never shows a private part.
import type { KeyView, SigningKeys } from '../../app/keys.ts';
import { parseSpan } from '../../core/audit/units.ts';
import { ok, type Result } from '../../core/result.ts';
import type { Settings } from '../../core/settings.ts';
import { printable } from '../../core/text.ts';
import { openControl } from '../daemon.ts';
import { tellEmbedded } from '../embedded.ts';
import { EXIT } from '../exit.ts';
import { usageFault } from '../faults.ts';
import { tellFile } from '../meant.ts';
import { publish } from '../publish.ts';
import { relative, rfc3339, table } from '../render.ts';
import type { Fault, Verb, VerbContext } from '../verb.ts';

const list: Verb = {
  name: 'keys list',
  summary: "the gateway's own signing keys and their states",
  usage: '',
  examples: [
    { run: 'sentinel keys list', does: 'which key signs, which still verify, which are retired or revoked' },
    { run: 'sentinel keys list --json', does: 'the same for programs' },
  ],
  about: 'Keys of remote issuers are not listed: they are the issuer\'s, and `sentinel status` says how old their copies are.',
  options: {},
  operands: [0, 0],
  run: runList,
};

const rotate: Verb = {
  name: 'keys rotate',
  summary: 'make a new signing key; the old one verifies for a while',
  usage: '',
  examples: [
    { run: 'sentinel keys rotate', does: 'tokens signed before verify until the configured grace ends' },
    { run: 'sentinel keys rotate --grace 0', does: 'every token signed before is refused at once' },
  ],
  about: 'The private part of the old key is deleted at once. A running gateway is told to read the keys again. Without a key yet, the first one is made. Written to the audit.',
  options: { grace: { type: 'string', value: 'span', help: 'how long the old key still verifies: 0, 30m, 2d (default: `grace` in [auth.own_keys], 1h)' } },
  operands: [0, 0],
  run: runRotate,
};

export const verbs: readonly Verb[] = [list, rotate];

async function runList(cx: VerbContext): Promise<number> {
  const { readConfiguration } = await import('../../app/configuration.ts');
  const { listKeys } = await import('../../app/keys.ts');
  const read = readConfiguration(cx);
  if (!read.ok) return cx.fail(read.error);
  const keys = await listKeys(read.value.settings);
  if (!keys.ok) return cx.fail(keys.error);
  if (cx.json) {
    for (const key of keys.value) cx.outJson(publish(key));
  } else if (keys.value.length > 0) {
    cx.out(table(['KEY', 'ALG', 'STATE', 'MADE', 'VERIFIES UNTIL', 'NOTE'], keys.value.map((key) => rowOf(key, cx.now())), cx));
  }
  if (keys.value.length === 0) cx.err(cx.remedy('no keys yet; make the first: sentinel keys rotate'));
  if (keys.value.some((key) => key.state === 'unknown')) cx.err('warning: the store cannot be read, so whether a key is revoked is not known: sentinel doctor');
  return EXIT.ok;
}

function rowOf(key: KeyView, now: number): readonly string[] {
  return [key.keyId, key.algorithm, key.state, key.at === undefined ? '' : relative(key.at, now), key.until === undefined ? '' : rfc3339(key.until), key.note ?? ''];
}

async function runRotate(cx: VerbContext): Promise<number> {
  const given = cx.flags.text('grace');
  const grace = given === undefined ? undefined : /^0[a-z]*$/.test(given) ? 0 : parseSpan(given);
  if (given !== undefined && grace === undefined) return cx.fail(usageFault(`--grace: "${printable(given)}" is no span`, 'write 0, 30m, 2h or 7d'));
  const { readConfiguration } = await import('../../app/configuration.ts');
  const { rotateKeys } = await import('../../app/keys.ts');
  const read = readConfiguration(cx);
  if (!read.ok) return cx.fail(read.error);
  tellFile(cx);
  const rotated = await rotateKeys(read.value.settings, grace);
  if (!rotated.ok) return cx.fail(rotated.error);
  const { keyId, previous, previousUntil } = rotated.value;
  const told = await tellGateway(cx);
  if (told !== 'told') tellEmbedded(cx, read.value);
  // A gateway that read the new key has written it down.
  const recorded = told === 'told' ? ok(undefined) : await recordRotation(cx, read.value.settings, { keyId, previous, until: previousUntil });
  if (cx.json) cx.outJson({ key_id: keyId, previous: previous ?? null, previous_until: previousUntil === undefined ? null : rfc3339(previousUntil), gateway: told });
  else cx.out(`new signing key ${keyId}`);
  if (previous !== undefined && previousUntil !== undefined) cx.err(previousUntil <= cx.now() ? cx.remedy(`tokens of ${previous} are refused from now on; issue new ones: sentinel token issue`) : `tokens of ${previous} are accepted until ${rfc3339(previousUntil)} (${relative(previousUntil, cx.now())})`);
  if (told === 'failed') cx.err(cx.remedy('the running gateway could not read the new key: sentinel reload'));
  if (!recorded.ok) cx.err(`warning: the key is in use, but ${recorded.error.message}`);
  return told === 'failed' || !recorded.ok ? EXIT.partial : EXIT.ok;
}

async function recordRotation(cx: VerbContext, settings: Settings, keys: SigningKeys): Promise<Result<void, Fault>> {
  const { recordFact } = await import('../../app/record.ts');
  return await recordFact(settings, cx.user, { kind: 'key_rotated', ...keys });
}

async function tellGateway(cx: VerbContext): Promise<'told' | 'not_running' | 'failed'> {
  const control = await openControl(cx);
  const told = control.ok ? await control.value.rekey(cx.user) : control;
  if (told.ok) return 'told';
  return told.error.exit === EXIT.daemonNotRunning ? 'not_running' : 'failed';
}
