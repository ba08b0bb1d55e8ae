import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { EXIT } from '../src/cli/exit.ts';
import { load } from '../src/config/load.ts';
import { err, ok } from '../src/core/result.ts';

const root = join(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

type Compose = {
  readonly services: Readonly<Record<string, Service>>;
  readonly secrets: Readonly<Record<string, { readonly file?: string }>>;
  readonly volumes: Readonly<Record<string, unknown>>;
};
type Service = {
  readonly ports?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly secrets?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly cap_drop?: readonly string[];
  readonly read_only?: boolean;
  readonly healthcheck?: unknown;
  readonly build?: unknown;
};

describe('docker-compose.yml', () => {
  const text = read('docker-compose.yml');
  const compose: Compose = parse(text);
  const services = Object.entries(compose.services);

  test('has the gateway and its PostgreSQL', () => {
    assert.deepEqual(Object.keys(compose.services).toSorted(), ['gateway', 'postgres']);
  });

  test('asks for no variable, so that one service alone can be started', () => {
    assert.doesNotMatch(text, /\$\{[^}]*:?\?/);
    for (const [whole] of text.matchAll(/\$\{[^}]*\}/g)) assert.match(whole, /:-/, `${whole} has no default`);
  });

  test('publishes ports on loopback only', () => {
    const ports = services.flatMap(([, service]) => service.ports ?? []);
    assert.equal(ports.length, 2);
    for (const port of ports) assert.match(port, /^127\.0\.0\.1:/);
  });

  test('takes secrets from files, which one script makes', () => {
    for (const [name, { file }] of Object.entries(compose.secrets)) {
      assert.equal(file, `./.sentinel/compose/${name}`);
      assert.match(read('scripts/compose-secrets'), new RegExp(`keep_or_make ${name} `));
    }
    const used = services.flatMap(([, service]) => service.secrets ?? []);
    assert.deepEqual(new Set(used), new Set(Object.keys(compose.secrets)));
    assert.match(read('packaging/docker/sentinel.toml'), /database_url/);
    const values = services.flatMap(([, service]) => Object.entries(service.environment ?? {}));
    for (const [name, value] of values) {
      assert.doesNotMatch(value, /:\/\/[^/@]*:[^/@]*@/, `${name} carries a password`);
      if (/SECRET|PASSWORD|TOKEN/.test(name)) assert.match(name, /_FILE$/);
    }
  });

  test('confines each container, and asks each whether it is well', () => {
    for (const [name, service] of services) {
      assert.equal(service.read_only, true, name);
      assert.deepEqual(service.cap_drop, ['ALL'], name);
      assert.ok(service.security_opt?.includes('no-new-privileges:true'), name);
      // The gateway's own check is in its image.
      assert.ok(service.healthcheck !== undefined || service.build !== undefined, name);
    }
  });
});

describe('Dockerfile', () => {
  const text = read('Dockerfile');
  const stages = text.split(/^FROM /m).slice(1);
  const images = stages.filter((stage) => / AS (gateway|tools)$/m.test(stage));

  test('builds two images that run as another user than root, and say whether they are well', () => {
    assert.equal(images.length, 2);
    for (const image of images) {
      assert.match(image, /^USER \$\{UID\}:\$\{GID\}$/m);
      assert.match(image, /^HEALTHCHECK /m);
      assert.match(image, /^ENTRYPOINT \[/m);
    }
    assert.doesNotMatch(text, /ARG [UG]ID=0/);
  });

  test('the one without a shell is the default', () => {
    assert.match(stages.at(-1) ?? '', /^gcr\.io\/distroless\/.* AS gateway$/m);
  });

  test('copies only what the context holds', () => {
    const allowed = read('.dockerignore').split('\n').flatMap((line) => (line.startsWith('!') ? [line.slice(1)] : []));
    const copied = [...text.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap((found) => (found[1] ?? '').split(' '));
    assert.ok(copied.length > 5);
    for (const path of copied) assert.ok(allowed.some((entry) => path === entry || path.startsWith(`${entry}/`)), path);
  });
});

describe('the configurations beside image and unit', () => {
  const secrets: Readonly<Record<string, string>> = {
    '/run/secrets/jwt_secret': 'f'.repeat(64),
    '/run/secrets/database_url': 'postgres://sentinel:x@postgres:5432/sentinel',
  };
  for (const [path, file, open] of [
    ['packaging/docker/sentinel.toml', '/etc/sentinel/sentinel.toml', '0.0.0.0'],
    ['packaging/systemd/sentinel.toml', '/etc/sentinel/sentinel.toml', '127.0.0.1'],
  ] as const) {
    test(`${path} is accepted as it is, and lets nobody call anything`, () => {
      const readFile = (name: string): ReturnType<Parameters<typeof load>[0]['readFile']> => {
        const text = secrets[name];
        return text === undefined ? err('ENOENT') : ok({ text, mode: 0o100600 });
      };
      const loaded = load({ text: read(path), file, env: {}, home: '/var/lib/sentinel', readFile });
      assert.ok(loaded.ok, JSON.stringify(loaded.ok ? '' : loaded.error));
      const { settings } = loaded.value;
      assert.equal(settings.gateway.listen.host, open);
      assert.equal(settings.gateway.healthListen.host, '127.0.0.1');
      assert.equal(settings.gateway.stateDir, '/var/lib/sentinel');
      assert.equal(settings.gateway.controlSocket, '/run/sentinel/control.sock');
      assert.deepEqual(settings.roles, []);
    });
  }
});

describe('one Node everywhere', () => {
  test('.node-version, Dockerfile and package.json agree', () => {
    const pinned = read('.node-version').trim();
    assert.equal(/^ARG NODE_VERSION=(.+)$/m.exec(read('Dockerfile'))?.[1], pinned);
    const about: { engines: { node: string }; devDependencies: Record<string, string> } = JSON.parse(read('package.json'));
    assert.equal(about.engines.node, '>=24.12');
    assert.equal(about.devDependencies['@types/node']?.split('.')[0], pinned.split('.')[0]);
  });
});

describe('sentinel.service', () => {
  const unit = read('packaging/systemd/sentinel.service');
  const value = (key: string): string | undefined => new RegExp(`^${key}=(.*)$`, 'm').exec(unit)?.[1];

  test('reloads by SIGHUP, and does not restart what a restart cannot mend', () => {
    assert.equal(value('ExecReload'), '/bin/kill -HUP $MAINPID');
    assert.equal(value('RestartPreventExitStatus'), [EXIT.configInvalid, EXIT.secretMissing, EXIT.schema].join(' '));
  });

  test('confines the process, but lets V8 compile', () => {
    for (const key of ['NoNewPrivileges', 'PrivateTmp', 'PrivateDevices', 'ProtectHome', 'LockPersonality', 'ProtectKernelTunables']) {
      assert.equal(value(key), 'yes', key);
    }
    assert.equal(value('ProtectSystem'), 'strict');
    assert.equal(value('CapabilityBoundingSet'), '');
    assert.equal(value('SystemCallFilter'), '@system-service');
    assert.equal(value('MemoryDenyWriteExecute'), undefined);
  });

  test('systemd itself finds no fault with it', { skip: spawnSync('systemd-analyze', ['--version']).status === 0 ? false : 'no systemd-analyze on this machine' }, (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'unit-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const copy = join(folder, 'sentinel.service');
    // The program and its user exist where it is installed, not here.
    const here = unit.replace(/^ExecStart=\S+/m, `ExecStart=${process.execPath}`).replaceAll(/^(User|Group)=.*\n/gm, '');
    writeFileSync(copy, here);
    const checked = spawnSync('systemd-analyze', ['verify', copy], { encoding: 'utf8', env: { ...process.env, SYSTEMD_LOG_LEVEL: 'warning' } });
    assert.equal(checked.status, 0, checked.stderr);
    assert.doesNotMatch(checked.stderr, /sentinel\.service:\d+/);
  });
});
