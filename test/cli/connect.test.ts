import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { parse } from 'smol-toml';
import { claudeCommand, snippetFor } from '../../src/cli/connect/dialects.ts';
import type { Access } from '../../src/cli/connect/dialects.ts';
import { mergeInto } from '../../src/cli/connect/merge.ts';
import { authorizedKeysLine } from '../../src/cli/connect/ssh.ts';
import { authorizedKeysValue, shellLine } from '../../src/cli/quote.ts';

const http: Access = { via: 'http', url: 'http://127.0.0.1:9200/mcp', tokenEnv: 'SENTINEL_TOKEN' };
const stdio: Access = { via: 'stdio', command: '/opt/sentinel', args: ['stdio', '--token-file', '/s/dev.token'] };

describe('each client reads its own dialect', () => {
  test('Claude Code: type http, and ${VAR} that it expands itself', () => {
    assert.deepEqual(JSON.parse(snippetFor('claude', 'sentinel', http).text), {
      mcpServers: { sentinel: { type: 'http', url: http.url, headers: { Authorization: 'Bearer ${SENTINEL_TOKEN}' } } },
    });
  });

  test('Claude Code: the printed command keeps the variable from the shell, and names the transport', () => {
    const command = claudeCommand('sentinel', http);
    assert.match(command, /--transport http/);
    const words = execFileSync('sh', ['-c', `set -- ${command}; printf '%s\\n' "$@"`], { encoding: 'utf8', env: { SENTINEL_TOKEN: 'leaked' } });
    assert.match(words, /^Authorization: Bearer \$\{SENTINEL_TOKEN\}$/m);
    assert.equal(claudeCommand('sentinel', stdio), 'claude mcp add sentinel -- /opt/sentinel stdio --token-file /s/dev.token');
  });

  test('Cursor: no type, and ${env:VAR}', () => {
    assert.deepEqual(JSON.parse(snippetFor('cursor', 'gate', http).text), {
      mcpServers: { gate: { url: http.url, headers: { Authorization: 'Bearer ${env:SENTINEL_TOKEN}' } } },
    });
  });

  test('VS Code: servers, not mcpServers, and a password prompt', () => {
    assert.deepEqual(JSON.parse(snippetFor('vscode', 'gate', http).text), {
      inputs: [{ type: 'promptString', id: 'gate-token', description: 'Token for gate (sentinel token issue)', password: true }],
      servers: { gate: { type: 'http', url: http.url, headers: { Authorization: 'Bearer ${input:gate-token}' } } },
    });
    assert.deepEqual(JSON.parse(snippetFor('vscode', 'gate', stdio).text), { servers: { gate: { type: 'stdio', command: stdio.command, args: stdio.args } } });
  });

  test('Codex: bearer_token_env_var, since headers are ignored and inline tokens refused', () => {
    assert.deepEqual(toml(snippetFor('codex', 'gate', http).text), { mcp_servers: { gate: { url: http.url, bearer_token_env_var: 'SENTINEL_TOKEN' } } });
    assert.deepEqual(toml(snippetFor('codex', 'gate', stdio).text), { mcp_servers: { gate: { command: '/opt/sentinel', args: ['stdio', '--token-file', '/s/dev.token'] } } });
  });
});

describe('writing into the file of a client', () => {
  test('keeps every other entry, and twice is the same as once', () => {
    const before = JSON.stringify({ mcpServers: { other: { command: 'x' } }, theirs: 1 });
    const once = mergeInto('claude', 'sentinel', http, before);
    assert.ok(once.ok);
    assert.deepEqual(JSON.parse(once.value), {
      mcpServers: { other: { command: 'x' }, sentinel: { type: 'http', url: http.url, headers: { Authorization: 'Bearer ${SENTINEL_TOKEN}' } } },
      theirs: 1,
    });
    assert.deepEqual(mergeInto('claude', 'sentinel', http, once.value), once);
  });

  test('replaces a token that stood there in clear', () => {
    const before = JSON.stringify({ mcpServers: { sentinel: { url: 'http://x/', headers: { Authorization: 'Bearer eyJleampleToken' } } } });
    const after = mergeInto('cursor', 'sentinel', http, before);
    assert.ok(after.ok);
    assert.doesNotMatch(after.value, /eyJ/);
  });

  test('leaves alone what it cannot read without loss', () => {
    assert.equal(mergeInto('vscode', 'sentinel', http, '{ // a comment\n "servers": {} }').ok, false);
    assert.equal(mergeInto('cursor', 'sentinel', http, '{"mcpServers":[]}').ok, false);
    assert.equal(mergeInto('cursor', 'sentinel', http, '[]').ok, false);
  });

  test('VS Code asks for one token, however often it is written', () => {
    const once = mergeInto('vscode', 'gate', http, '{"inputs":[{"id":"theirs","type":"promptString"}]}');
    const twice = mergeInto('vscode', 'gate', http, once.ok ? once.value : '');
    assert.ok(twice.ok);
    const ids = JSON.parse(twice.value).inputs.map((input: { id: string }) => input.id);
    assert.deepEqual(ids, ['theirs', 'gate-token']);
  });

  test('Codex: the table is replaced in place, other lines stay as they are', () => {
    const before = '# mine\nmodel = "x"\n\n[mcp_servers.sentinel]\nurl = "http://old"\n\n[mcp_servers.sentinel.env]\nA = "1"\n\n[profiles.a]\nmodel = "y"\n';
    const after = mergeInto('codex', 'sentinel', http, before);
    assert.ok(after.ok);
    assert.deepEqual(toml(after.value), { model: 'x', mcp_servers: { sentinel: { url: http.url, bearer_token_env_var: 'SENTINEL_TOKEN' } }, profiles: { a: { model: 'y' } } });
    assert.match(after.value, /^# mine\n/);
    assert.deepEqual(mergeInto('codex', 'sentinel', http, after.value), after);
    const fresh = mergeInto('codex', 'sentinel', stdio, 'model = "x"\n');
    assert.deepEqual(toml(fresh.ok ? fresh.value : ''), { model: 'x', mcp_servers: { sentinel: { command: '/opt/sentinel', args: ['stdio', '--token-file', '/s/dev.token'] } } });
  });
});

describe('the authorized_keys line', () => {
  // The blob of an ed25519 key: its type, then 32 bytes.
  const blob = Buffer.concat([Buffer.from([0, 0, 0, 11]), Buffer.from('ssh-ed25519'), Buffer.from([0, 0, 0, 32]), Buffer.alloc(32, 7)]).toString('base64');
  const key = `ssh-ed25519 ${blob} user@host`;

  test('is restricted, runs one command, and carries the name of the agent', () => {
    const line = authorizedKeysLine({ agent: 'builder', key, command: ['/opt/sentinel', 'stdio', '--token-file', '/s/builder.token'] });
    assert.deepEqual(line, { ok: true, value: `restrict,command="/opt/sentinel stdio --token-file /s/builder.token" ssh-ed25519 ${blob} builder` });
  });

  test('quotes any path so that sshd and then the shell see the same words', () => {
    const word = fc.string({ unit: fc.constantFrom('a', ' ', '"', "'", '\\', '$', '`', ';', '%', '#', '*', 'é'), minLength: 1, maxLength: 8 });
    fc.assert(fc.property(fc.array(word, { minLength: 1, maxLength: 3 }), (words) => {
      const value = authorizedKeysValue(shellLine(words));
      assert.ok(value !== undefined);
      const read = execFileSync('sh', ['-c', `printf '%s\\0' ${sshdReads(value)}`], { encoding: 'utf8' }).split('\0').slice(0, -1);
      assert.deepEqual(read, words);
    }), { numRuns: 60 });
  });

  const refused: readonly (readonly [why: string, agent: string, key: string, command: readonly string[]])[] = [
    ['an agent name with a space', 'a b', key, ['/x']],
    ['an agent name that starts an option', '-x', key, ['/x']],
    ['two keys', 'a', `${key}\n${key}`, ['/x']],
    ['an option before the key', 'a', `no-pty ${key}`, ['/x']],
    ['a certificate', 'a', `ssh-ed25519-cert-v01@openssh.com ${blob}`, ['/x']],
    ['a damaged key', 'a', `ssh-ed25519 ${blob.slice(8)}`, ['/x']],
    ['a key of another type than it says', 'a', `ssh-rsa ${blob}`, ['/x']],
    ['a private key', 'a', '-----BEGIN OPENSSH PRIVATE KEY-----\nabc', ['/x']],
    ['a path with a line break', 'a', key, ['/x\nssh-rsa AAAA']],
  ];
  for (const [why, agent, text, command] of refused) {
    test(`refuses ${why}`, () => assert.equal(authorizedKeysLine({ agent, key: text, command }).ok, false));
  }
});

/** How sshd takes an option's value out of its quotes (auth-options: opt_dequote). */
function sshdReads(value: string): string {
  let out = '';
  for (let i = 1; i < value.length; i++) {
    if (value[i] === '\\' && value[i + 1] === '"') out += value[++i];
    else if (value[i] === '"') return i === value.length - 1 ? out : assert.fail('the quotes end early');
    else out += value[i];
  }
  return assert.fail('the quotes never end');
}

/** With ordinary prototypes, to compare. */
function toml(text: string): unknown {
  return JSON.parse(JSON.stringify(parse(text)));
}
