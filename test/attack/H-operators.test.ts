// Backends come from the configuration file alone: nothing that can be reached while the gateway runs adds or changes one.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { POST_VERBS } from '../../src/surfaces/control/verbs.ts';
import { launch, prepare } from '../support/e2e/gateway.ts';
import { descendants, ROOT } from '../support/e2e/processes.ts';
import { stdioBackend } from '../support/e2e/servers.ts';

/** All that operators can say and ask. A new verb is added here only after somebody has thought of what it could start. */
const SAY = ['/reload', '/rekey', '/kill', '/unkill', '/revoke', '/audit-read', '/explain'] as const;
const ASK = ['/status', '/readiness', '/kills', '/tools', '/tail', '/metrics'] as const;

const NEW_BACKEND = { name: 'evil', type: 'stdio', command: '/bin/sh', args: ['-c', 'id'], env: { A: 'b' }, url: 'http://127.0.0.1:1/mcp' };
const PATHS = ['/backends', '/backend', '/backends/alpha', '/backends/alpha/test', '/test', '/probe', '/spawn', '/start', '/exec', '/run', '/config', '/settings', '/roles', '/admin', '/admin/backends', '/sessions', '/shutdown', '/', '//reload', '/reload/', '/RELOAD', '/reload?x=1', '/..%2freload'];
/** Bodies that carry a backend along with what a verb takes. */
const BODIES: Readonly<Record<(typeof SAY)[number], readonly object[]>> = {
  '/reload': [{ backends: [NEW_BACKEND] }, { by: 'x', backend: NEW_BACKEND }, { by: 'x', config: '/tmp/other.toml' }, { by: 'x', config_file: '/tmp/other.toml' }, { by: 'x', text: '[[backends]]' }],
  '/rekey': [{ by: 'x', directory: '/tmp' }],
  '/kill': [{ scope: { kind: 'backend', backend: 'alpha' }, reason: 'r', command: '/bin/sh' }, { scope: { kind: 'backend', backend: 'alpha', ...NEW_BACKEND }, reason: 'r' }],
  '/unkill': [{ target: 'all', reason: 'r', backend: NEW_BACKEND }],
  '/revoke': [{ what: 'token', value: 'v', reason: 'r', issuer: 'https://evil.example' }],
  '/audit-read': [{ verb: 'why', asked: 'x', backend: NEW_BACKEND }],
  '/explain': [{ tool: 'alpha/say', roles: [], subject: 's', command: '/bin/sh' }],
};

interface Told { readonly status: number; readonly text: string }

function send(to: { readonly socketPath: string } | { readonly host: string; readonly port: number }, method: string, path: string, body?: unknown): Promise<Told> {
  return new Promise((resolve, reject) => {
    const sent = request({ ...to, method, path, headers: { 'content-type': 'application/json' }, agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    sent.on('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

test('H09 the verbs of the control socket are these and no others', () => {
  assert.deepEqual([...POST_VERBS.keys()], SAY);
  const source = readFileSync(join(ROOT, 'src/surfaces/control.ts'), 'utf8');
  assert.deepEqual([...source.matchAll(/case '(\/[^']*)':/g)].map((found) => found[1]), ASK);
});

test('H09 no verb, path, method or body adds a backend, changes one, or starts anything; neither socket nor operators\' listener [SEC23]', async () => {
  const setup = await prepare({ toml: '' });
  const toml = [stdioBackend('alpha', [process.execPath, join(ROOT, 'test/fixtures/backends/spy.ts')]), '[rbac.roles.developer]', 'permissions = ["*"]', ''].join('\n');
  setup.write(toml);
  await using gateway = await launch(setup);
  const socket = { socketPath: gateway.socket };
  const health = { host: '127.0.0.1', port: Number(new URL(gateway.health).port) };
  const started = (): readonly string[] => descendants(gateway.pid).map((one) => `${one.pid} ${one.argv.join(' ')}`).toSorted();
  const [before, { revision }] = [started(), await gateway.status()];
  assert.ok(before.length >= 2, 'the backend and the watchdog');

  for (const path of PATHS) {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'GET']) {
      assert.equal((await send(socket, method, path, NEW_BACKEND)).status, 404, `socket ${method} ${path}`);
      const { status } = await send(health, method, path, NEW_BACKEND);
      assert.ok(status >= 400 && status < 500, `operators' listener ${method} ${path}: ${status}`);
    }
  }
  for (const verb of SAY) {
    for (const method of ['PUT', 'PATCH', 'DELETE', 'GET']) assert.equal((await send(socket, method, verb, {})).status, 404, `${method} ${verb}`);
    for (const body of BODIES[verb]) assert.equal((await send(socket, 'POST', verb, body)).status, 400, `${verb} ${JSON.stringify(body)}`);
    const { status } = await send(health, 'POST', verb, {});
    assert.ok(status >= 400 && status < 500, `operators' listener POST ${verb}: ${status}`);
  }
  for (const question of ASK) assert.equal((await send(socket, 'POST', question, NEW_BACKEND)).status, 404, question);

  const after = await gateway.status();
  assert.deepEqual(after.backends.map((one) => one.id), ['alpha']);
  assert.deepEqual([after.revision, started()], [revision, before]);
});
