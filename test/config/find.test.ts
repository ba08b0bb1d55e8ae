import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultStateDir, locateConfig, userStateDir } from '../../src/config/find.ts';

const found = (flag: string | undefined, env: Readonly<Record<string, string>>, files: readonly string[]): string => {
  const result = locateConfig(flag, env, '/home/op', (path) => files.includes(path));
  return result.ok ? result.value : `${result.error.code}: ${result.error.message}`;
};
const ALL = ['/flag.toml', '/env.toml', 'sentinel.toml', '/xdg/sentinel/sentinel.toml', '/home/op/.config/sentinel/sentinel.toml', '/etc/sentinel/sentinel.toml'];

test('flag, variable, working directory, XDG, /etc: in this order', () => {
  const env = { SENTINEL_CONFIG: '/env.toml', XDG_CONFIG_HOME: '/xdg' };
  assert.equal(found('/flag.toml', env, ALL), '/flag.toml');
  assert.equal(found(undefined, env, ALL), '/env.toml');
  assert.equal(found(undefined, { XDG_CONFIG_HOME: '/xdg' }, ALL), 'sentinel.toml');
  assert.equal(found(undefined, { XDG_CONFIG_HOME: '/xdg' }, ALL.slice(3)), '/xdg/sentinel/sentinel.toml');
  assert.equal(found(undefined, { XDG_CONFIG_HOME: 'relative', SENTINEL_CONFIG: '' }, ALL.slice(4)), '/home/op/.config/sentinel/sentinel.toml');
  assert.equal(found(undefined, {}, ALL.slice(5)), '/etc/sentinel/sentinel.toml');
});

test('a named file that is not there is never replaced by another', () => {
  assert.equal(found('/nope', {}, ALL), 'SEN-0100: there is no configuration file /nope (named by --config)');
  assert.equal(found(undefined, { SENTINEL_CONFIG: '/nope' }, ALL), 'SEN-0100: there is no configuration file /nope (named by SENTINEL_CONFIG)');
});

test('when nothing is found, every place that was looked at is listed', () => {
  assert.equal(found(undefined, {}, []), 'SEN-0100: no configuration file found; looked at ./sentinel.toml, /home/op/.config/sentinel/sentinel.toml, /etc/sentinel/sentinel.toml');
});

test('the file of start has its place before /etc, and is named among those that were looked at', () => {
  const result = (files: readonly string[]): string => {
    const found = locateConfig(undefined, {}, '/home/op', (path) => files.includes(path), 'operator', '/checkout/.sentinel/sentinel.toml');
    return found.ok ? found.value : found.error.message;
  };
  assert.equal(result([]), 'no configuration file found; looked at ./sentinel.toml, /home/op/.config/sentinel/sentinel.toml, /checkout/.sentinel/sentinel.toml, /etc/sentinel/sentinel.toml');
  assert.equal(result(['/checkout/.sentinel/sentinel.toml', '/etc/sentinel/sentinel.toml']), '/checkout/.sentinel/sentinel.toml');
});

test('what an agent\u2019s client starts takes no file of the working directory that was not named', () => {
  const agent = (env: Readonly<Record<string, string>>, files: readonly string[], flag?: string): string => {
    const result = locateConfig(flag, env, '/home/op', (path) => files.includes(path), 'agent');
    return result.ok ? result.value : `${result.error.code}: ${result.error.message}`;
  };
  assert.equal(agent({}, ALL), '/home/op/.config/sentinel/sentinel.toml');
  assert.equal(agent({}, ['sentinel.toml']), 'SEN-0100: no configuration file found; looked at /home/op/.config/sentinel/sentinel.toml, /etc/sentinel/sentinel.toml; ./sentinel.toml is taken only when it is named');
  assert.equal(agent({}, ALL, 'sentinel.toml'), 'sentinel.toml');
  assert.equal(agent({ SENTINEL_CONFIG: 'sentinel.toml' }, ALL), 'sentinel.toml');
});

test('state goes where systemd says, else where the user keeps state; a relative path there is none', () => {
  const places = (env: Readonly<Record<string, string>>): readonly string[] => [defaultStateDir(env, '/home/op'), userStateDir(env, '/home/op')];
  assert.deepEqual(places({}), ['/home/op/.local/state/sentinel', '/home/op/.local/state/sentinel']);
  assert.deepEqual(places({ XDG_STATE_HOME: '/xdg', STATE_DIRECTORY: '/var/lib/sentinel:/var/lib/other' }), ['/var/lib/sentinel', '/xdg/sentinel']);
  for (const strange of ['', 'state', './state']) assert.deepEqual(places({ XDG_STATE_HOME: strange, STATE_DIRECTORY: strange }), ['/home/op/.local/state/sentinel', '/home/op/.local/state/sentinel']);
});
