import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { driverEnv, threadShipping } from '../../../src/stores/ship/session.ts';
import type { ShipperHealth } from '../../../src/stores/ship/shipper.ts';
import { createDatabase, testServer } from '../../support/postgres.ts';
import { migrated, NODE, temporary, until } from './synthetic.ts';

const server = testServer();
const skip = 'skip' in server ? server.skip : false;
const THREAD = pathToFileURL(join(import.meta.dirname, '../../../src/app/ship-thread.ts'));

test('of the environment the shipping thread gets what the driver reads, and no secret of anything else', () => {
  assert.deepEqual(driverEnv({ PGPASSWORD: 'a', PGSSLMODE: 'require', HOME: '/h', USER: 'u', JWT_SECRET_KEY: 'x', PATH: '/bin', PGPORT: undefined }), { PGPASSWORD: 'a', PGSSLMODE: 'require', HOME: '/h', USER: 'u' });
});

test('a password and a way to connect that are in the environment count for the shipping thread as for the gateway', { skip }, async (t) => {
  if ('skip' in server) return;
  const full = await createDatabase(server.url);
  await migrated(t, full);
  const bare = new URL(full);
  bare.password = '';
  const seen = async (env: Readonly<Record<string, string>>, is: (health: ShipperHealth) => boolean): Promise<void> => {
    const folder = temporary(t);
    const told: ShipperHealth[] = [];
    const session = threadShipping(THREAD, { url: bare.href, node: NODE, stateDir: folder, directories: [folder] }, env, (health) => void told.push(health));
    await until(() => told.some(is));
    await session.end();
  };
  const { password } = new URL(full);
  await seen({ PGPASSWORD: password }, ({ state }) => state === 'shipping');
  await seen({ PGPASSWORD: password, PGSSLMODE: 'require' }, ({ fault }) => /does not support SSL/.test(fault?.detail ?? ''));
});
