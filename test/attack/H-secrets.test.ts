// What of the gateway's secrets is left where others could look, once they were read.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect } from '../support/e2e/clients.ts';
import { launch, prepare } from '../support/e2e/gateway.ts';
import { until } from '../support/e2e/processes.ts';
import { fixture } from '../support/e2e/servers.ts';

test('H13 the variables that secrets were read from leave the environment of the gateway, and a reload still has them', { skip: process.platform === 'linux' ? false : 'reads /proc' }, async () => {
  const secrets = { HEALTH_TOKEN: randomBytes(24).toString('hex'), STDIO_KEY: randomBytes(24).toString('hex') };
  const toml = `${fixture('local', [], ['env = { API_KEY = { env = "STDIO_KEY" } }'])}\n[rbac.roles.developer]\npermissions = ["*"]\n`;
  const setup = await prepare({ toml, env: { ...secrets, OTHER: 'stays' } });
  // Node's own report holds the environment as the process has it now.
  const env = { ...setup.env, NODE_OPTIONS: `--report-on-signal --report-signal=SIGUSR2 --report-directory=${setup.folder}` };
  await using gateway = await launch({ ...setup, env });
  const report = async (): Promise<{ readonly text: string; readonly environmentVariables: Readonly<Record<string, string>> }> => {
    const name = await until(() => readdirSync(setup.folder).find((file) => file.startsWith('report.') && readFileSync(join(setup.folder, file), 'utf8').trimEnd().endsWith('}')), 'a report');
    const text = readFileSync(join(setup.folder, name), 'utf8');
    return { text, ...JSON.parse(text) };
  };
  gateway.process.signal('SIGUSR2');
  const { text, environmentVariables } = await report();
  assert.equal(environmentVariables['OTHER'], 'stays', 'the report does hold the environment');
  for (const name of ['JWT_SECRET_KEY', ...Object.keys(secrets)]) assert.equal(environmentVariables[name], undefined, name);
  for (const value of [gateway.secret, ...Object.values(secrets)]) assert.ok(!text.includes(value));

  gateway.write(toml.replace('name = "local"', 'name = "moved"'));
  const reloaded = await gateway.control.reload('test');
  assert.ok(reloaded.ok && reloaded.value.ok, JSON.stringify(reloaded));
  await gateway.when((now) => now.backends.some((one) => one.id === 'moved' && one.state === 'ready'), 'the moved backend');
  await using peer = await connect('v1', { via: 'http', url: gateway.endpoint, token: await gateway.token('alice', 'developer') });
  const answer = await peer.call('moved__env', {});
  assert.ok(answer.kind === 'result' && answer.text.includes(secrets.STDIO_KEY), 'the backend still gets its secret');
});
