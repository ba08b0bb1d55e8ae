// `sentinel token`: makes and looks at agents' tokens. A token is shown once, on stdout or in a private file, and never a signature again.
import { link, open, rename, unlink } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { IssuedToken, TokenInspection } from '../../app/keys.ts';
import { whyUnread } from '../../app/fault.ts';
import { parseSpan } from '../../core/audit/units.ts';
import { err, ok, type Result } from '../../core/result.ts';
import type { Settings } from '../../core/settings.ts';
import { codeIn } from '../../core/thrown.ts';
import { printable } from '../../core/text.ts';
import { tellEmbedded } from '../embedded.ts';
import { EXIT } from '../exit.ts';
import { fileFault, usageFault } from '../faults.ts';
import { tellFile } from '../meant.ts';
import { relative, rfc3339, table } from '../render.ts';
import { readToken, TOKEN_BYTES, tokenFromFile } from '../token.ts';
import type { Fault, Verb, VerbContext } from '../verb.ts';
import { revoke } from '../revoke.ts';

const issue: Verb = {
  name: 'token issue',
  summary: 'make a token for an agent',
  usage: '',
  examples: [
    { run: 'sentinel token issue --subject ci-bot --role developer --out ci-bot.token', does: 'a token for 30 days, in a file only you can read' },
    { run: 'sentinel token issue --subject ada --role viewer --role auditor --ttl 8h', does: 'a token with two roles, printed once' },
  ],
  about: 'Signed with the gateway\'s own key, or with the shared secret where that is all there is. The gateway keeps no copy: what is lost is issued anew, what leaks is revoked by its id. Its id, subject, roles, end and who issued it are in the audit before it is shown; where the audit cannot be written, none is issued.',
  options: {
    subject: { type: 'string', value: 'name', help: 'who will act (required)' },
    role: { type: 'string', value: 'role', multiple: true, help: 'role of the agent (required); again for several' },
    scope: { type: 'string', value: 'scope', multiple: true, help: 'what it is granted, where [scopes] asks for it; again for several' },
    ttl: { type: 'string', value: 'span', help: 'how long it is good: 8h, 30d (default: 30d, or what max_token_lifetime allows)' },
    audience: { type: 'string', value: 'text', help: 'for another gateway (default: this one)' },
    hs256: { type: 'boolean', help: 'sign with the shared secret, as the original did' },
    out: { type: 'string', value: 'file', help: 'write it there, readable by you only, instead of printing it' },
    force: { type: 'boolean', help: 'replace the file of --out' },
    'no-audit': { type: 'boolean', help: 'issue it without a record, for when the store is down' },
  },
  operands: [0, 0],
  run: runIssue,
};

const inspect: Verb = {
  name: 'token inspect',
  summary: 'show what a token says and which checks it passes',
  usage: '[<token-file> | -]',
  examples: [
    { run: 'sentinel token inspect ci-bot.token', does: 'header, claims and each check; exit 0 accepted, 20 refused' },
    { run: 'sentinel token inspect - < ci-bot.token', does: 'the same from stdin' },
  ],
  about: 'Without an operand, the token that SENTINEL_TOKEN or SENTINEL_TOKEN_FILE gives. A remote issuer is asked for its keys. The signature is never shown.',
  options: {},
  operands: [0, 1],
  run: runInspect,
};

export const verbs: readonly Verb[] = [issue, inspect, revoke];

async function runIssue(cx: VerbContext): Promise<number> {
  const subject = cx.flags.text('subject') ?? '';
  const roles = cx.flags.list('role');
  if (subject === '') return cx.fail(usageFault('--subject <name> is required: limits, kills and the audit go by it', 'sentinel help token issue'));
  if (roles.length === 0) return cx.fail(usageFault('--role <role> is required: a token without a role is refused', 'sentinel help token issue'));
  const scopes = cx.flags.list('scope').flatMap((text) => text.split(' ')).filter((scope) => scope !== '');
  const ttl = cx.flags.text('ttl');
  const lifetimeMs = ttl === undefined ? undefined : parseSpan(ttl);
  if (ttl !== undefined && lifetimeMs === undefined) return cx.fail(usageFault(`--ttl: "${printable(ttl)}" is no span`, 'write 30m, 8h or 30d'));
  const { readConfiguration } = await import('../../app/configuration.ts');
  const { issueToken } = await import('../../app/keys.ts');
  const read = readConfiguration(cx);
  if (!read.ok) return cx.fail(read.error);
  const { settings } = read.value;
  tellFile(cx);
  tellEmbedded(cx, read.value);
  const issued = await issueToken(settings, { subject, roles, scopes, lifetimeMs, audience: cx.flags.text('audience'), hs256: cx.flags.on('hs256') });
  if (!issued.ok) return cx.fail(issued.error);
  const recorded = await recordIssue(cx, settings, issued.value);
  if (!recorded.ok) return cx.fail(recorded.error);
  const out = cx.flags.text('out');
  const file = out === undefined ? undefined : resolve(cx.cwd, out);
  const written = file === undefined ? ok(undefined) : await writePrivate(file, `${issued.value.token}\n`, cx.flags.on('force'), issued.value.tokenId);
  if (!written.ok) return cx.fail(written.error);
  tellIssued(cx, issued.value, file);
  const known = new Set<string>(settings.roles.map((role) => role.name));
  for (const role of roles) if (!known.has(role)) cx.err(`warning: the configuration has no role ${printable(role)}, so this token may do nothing by it`);
  const defined = new Set(settings.scopes.grants.map(({ name }) => name));
  for (const scope of issued.value.scopes) if (!defined.has(scope)) cx.err(`warning: the configuration has no scope ${printable(scope)}, so it grants nothing here`);
  return EXIT.ok;
}

/** Before anybody can use it: a token that the audit knows nothing of is one that nobody can look for. */
async function recordIssue(cx: VerbContext, settings: Settings, { subject, roles, scopes, tokenId, expiresAt }: IssuedToken): Promise<Result<void, Fault>> {
  if (cx.flags.on('no-audit')) {
    cx.err('warning: the audit says nothing of this token (--no-audit)');
    return ok(undefined);
  }
  const { recordFact } = await import('../../app/record.ts');
  const recorded = await recordFact(settings, cx.user, { kind: 'token_issued', subject, roles, scopes, tokenId, expiresAt });
  return recorded.ok ? recorded : err({ ...recorded.error, message: `no token was issued, because ${recorded.error.message}`, help: 'sentinel doctor; or issue it without a record: --no-audit' });
}

function tellIssued(cx: VerbContext, issued: IssuedToken, file: string | undefined): void {
  if (cx.json) {
    const { token, tokenId, keyId, algorithm, issuer, audience, subject, roles, scopes, issuedAt, expiresAt } = issued;
    const carrier = file === undefined ? { token } : { file };
    cx.outJson({ ...carrier, token_id: tokenId, key_id: keyId, algorithm, issuer, audience, subject, roles, scopes, issued_at: rfc3339(issuedAt), expires_at: rfc3339(expiresAt) });
    return;
  }
  cx.out(file ?? issued.token);
  cx.err(`token ${issued.tokenId} for ${printable(issued.subject)} (${printable(issued.roles.join(', '))}${issued.scopes.length === 0 ? '' : `; scopes ${printable(issued.scopes.join(' '))}`}), good until ${rfc3339(issued.expiresAt)} (${relative(issued.expiresAt, cx.now())})`);
}

/** A crash leaves the old file or the new one, and no moment at which others can read it. */
async function writePrivate(path: string, text: string, replace: boolean, unique: string): Promise<Result<void, Fault>> {
  const temp = `${path}.${unique}.tmp`;
  try {
    const file = await open(temp, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    if (replace) {
      await rename(temp, path);
    } else {
      // Unlike rename, link refuses a file that is there.
      await link(temp, path);
      await unlink(temp);
    }
    return ok(undefined);
  } catch (cause) {
    await unlink(temp).catch(() => undefined);
    return err(codeIn(cause) === 'EEXIST' ? fileFault(`${path} is there already`, 'choose another --out, or pass --force') : fileFault(`${path} cannot be written: ${whyUnread(cause)}`, 'choose another --out'));
  }
}

async function runInspect(cx: VerbContext): Promise<number> {
  const token = await tokenOf(cx, cx.args[0]);
  if (!token.ok) return cx.fail(token.error);
  const { readConfiguration } = await import('../../app/configuration.ts');
  const { inspectToken } = await import('../../app/keys.ts');
  const read = readConfiguration(cx);
  if (!read.ok) return cx.fail(read.error);
  tellFile(cx);
  const seen = await inspectToken(read.value.settings, token.value);
  if (!seen.ok) return cx.fail(seen.error);
  tellInspection(cx, seen.value);
  return seen.value.accepted ? EXIT.ok : EXIT.unauthenticated;
}

async function tokenOf(cx: VerbContext, from: string | undefined): Promise<Result<string, Fault>> {
  if (from === '-') return ok((await cx.readStdin(TOKEN_BYTES)).trim());
  const read = from === undefined ? readToken({ file: undefined, env: cx.env, cwd: cx.cwd }) : tokenFromFile(resolve(cx.cwd, from));
  return read.ok ? ok(read.value.reveal()) : read;
}

function tellInspection(cx: VerbContext, { accepted, tokenId, header, payload, checks }: TokenInspection): void {
  if (cx.json) {
    const [head, claims] = [header, payload].map((raw): unknown => (raw === undefined ? null : JSON.parse(raw)));
    cx.outJson({ accepted, token_id: tokenId ?? null, header: head, claims, checks: checks.map(({ name, outcome, detail }) => ({ check: name, outcome, detail: detail ?? null })) });
    return;
  }
  if (header !== undefined && payload !== undefined) {
    cx.out(`header  ${printable(header)}`);
    cx.out(`claims  ${printable(payload)}`);
    cx.out(`id      ${printable(tokenId ?? '')}`);
  }
  const rows = checks.map(({ name, outcome, detail }) => [name, outcome, detail ?? '']);
  cx.out(table(['CHECK', 'RESULT', 'WHY'], rows, cx));
  cx.out(accepted ? cx.paint.good('accepted') : cx.paint.bad('refused'));
}
