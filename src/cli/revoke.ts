// `sentinel token revoke`: a token, or all of a key, is refused from now on, by the running gateway or, without one, from its next start.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { RevokeRequest } from '../core/operations.ts';
import { err, ok, type Result } from '../core/result.ts';
import { printable } from '../core/text.ts';
import { openControl } from './daemon.ts';
import { tellEmbedded } from './embedded.ts';
import { EXIT } from './exit.ts';
import { fileFault, usageFault } from './faults.ts';
import { tellFile } from './meant.ts';
import { TOKEN_BYTES, tokenFromFile } from './token.ts';
import type { Fault, Verb, VerbContext } from './verb.ts';

/** Ids as this gateway makes them, and the digests that stand for tokens without one: anything else may be a mistyped file name. */
const USUAL_ID = /^(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|sha256:[0-9a-f]{64})$/;

export const revoke: Verb = {
  name: 'token revoke',
  summary: 'refuse a token, or all tokens of a key, from now on',
  usage: '<jti | token-file | ->',
  examples: [
    { run: 'sentinel token revoke ci-bot.token --reason "laptop lost"', does: 'the token in that file is refused at once' },
    { run: 'sentinel token revoke 0198d0f4-6b1e-7c39-9f52-3a6d0c41e7b8 --reason "leaked in a log"', does: 'the same by its id, as the audit shows it' },
  ],
  about: 'A running gateway refuses it before this command ends. Without one it is written to the store and holds from the next start. With --key the operand is a key id of `sentinel keys list`.',
  options: {
    reason: { type: 'string', value: 'text', help: 'why; kept in the audit (required)' },
    key: { type: 'boolean', help: 'the operand is a key id: refuse all its tokens' },
    id: { type: 'boolean', help: 'the operand is a jti, whatever it looks like; for ids that other issuers make' },
  },
  operands: [1, 1],
  run: runRevoke,
};

/** `{"` in base64url, as each header of a JWT begins. */
const LIKE_TOKEN = /^eyJ[\w-]+\.[\w-]/;

async function runRevoke(cx: VerbContext): Promise<number> {
  const reason = cx.flags.text('reason')?.trim() ?? '';
  if (reason === '') return cx.fail(usageFault('--reason <text> is required: it is what the audit will say', 'sentinel help token revoke'));
  const { readConfiguration } = await import('../app/configuration.ts');
  const read = readConfiguration(cx);
  if (!read.ok) return cx.fail(read.error);
  const { revokeOffline, tokenIdIn } = await import('../app/keys.ts');
  const operand = await revokedText(cx, cx.args[0] ?? '');
  if (!operand.ok) return cx.fail(operand.error);
  const what = cx.flags.on('key') ? 'key' : 'token';
  const value = what === 'key' ? operand.value : (tokenIdIn(read.value.settings, operand.value) ?? operand.value);
  if (value === '') return cx.fail(usageFault('there is nothing to revoke in an empty text', 'sentinel help token revoke'));
  // The value is stored, shown and audited: half a token, or one that is too long to read, must not be taken for an id.
  if (value === operand.value && LIKE_TOKEN.test(value)) return cx.fail(usageFault('that looks like a token, and cannot be read as one: nothing was revoked', 'give its id, as the audit shows it, or the whole token by a file or -'));
  tellFile(cx);
  const request: RevokeRequest = { what, value, reason, until: undefined, by: cx.user };
  const control = await openControl(cx);
  const told = control.ok ? await control.value.revoke(request) : control;
  if (!told.ok && told.error.exit !== EXIT.daemonNotRunning) return cx.fail(told.error);
  let unrecorded: Fault | undefined;
  if (!told.ok) {
    tellEmbedded(cx, read.value);
    const kept = await revokeOffline(read.value.settings, request);
    if (!kept.ok) return cx.fail(kept.error);
    const { recordFact } = await import('../app/record.ts');
    const recorded = await recordFact(read.value.settings, cx.user, { kind: 'token_revoked', what, value, reason });
    unrecorded = recorded.ok ? undefined : recorded.error;
  }
  if (cx.json) cx.outJson({ revoked: what, value, gateway: told.ok ? 'told' : 'not_running' });
  else cx.out(`revoked ${what} ${printable(value)}`);
  if (!told.ok) cx.err('no gateway runs here; it holds from the next start');
  if (unrecorded !== undefined) cx.err(`warning: it is revoked, but ${unrecorded.message}`);
  return unrecorded === undefined ? EXIT.ok : EXIT.partial;
}

/** A file is meant where there is one. A mistyped one must not pass for an id: the token it names would go on being accepted. */
async function revokedText(cx: VerbContext, operand: string): Promise<Result<string, Fault>> {
  if (cx.flags.on('key') || cx.flags.on('id')) return ok(operand);
  if (operand === '-') return ok((await cx.readStdin(TOKEN_BYTES)).trim());
  const path = resolve(cx.cwd, operand);
  if (!existsSync(path)) return missingToken(operand);
  const read = tokenFromFile(path);
  return read.ok ? ok(read.value.reveal()) : read;
}

function missingToken(operand: string): Result<string, Fault> {
  if (USUAL_ID.test(operand) || LIKE_TOKEN.test(operand)) return ok(operand);
  if (/\/|\.token$/.test(operand)) return err(fileFault(`there is no token file ${printable(operand)}: nothing was revoked`, 'name the file, or the id of the token as the audit shows it'));
  return err(usageFault(`"${printable(operand)}" is no file, and no id of the usual form: nothing was revoked`, 'name the token file; for the id of another issuer: sentinel token revoke --id <jti>'));
}
