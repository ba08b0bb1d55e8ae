// Adds to package-lock.json the optional packages of other platforms that npm left out: behind a mirror that lacks them npm writes a
// lockfile which `npm ci` then refuses ("Missing … from lock file"). Touches no entry that exists. Run by scripts/update.
import { readFileSync, writeFileSync } from 'node:fs';

const file = new URL('../package-lock.json', import.meta.url);
const lock = JSON.parse(readFileSync(file, 'utf8'));
const added = [];

for (const [at, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    if (lock.packages[`${at}/node_modules/${name}`] ?? lock.packages[`node_modules/${name}`]) continue;
    // @oxlint/binding-linux-x64-musl → linux, x64, musl
    const [os, cpu, abi] = name.split('/').at(-1).replace('binding-', '').split('-');
    const libc = os !== 'linux' || abi === undefined ? {} : { libc: [abi.startsWith('musl') ? 'musl' : 'glibc'] };
    const dev = entry.dev === true ? { dev: true } : {};
    lock.packages[`node_modules/${name}`] = { version, cpu: [cpu], ...dev, ...libc, optional: true, os: [os] };
    added.push(name);
  }
}

if (added.length > 0) {
  const [top, ...rest] = Object.entries(lock.packages);
  rest.sort(([a], [b]) => a.localeCompare(b, 'en'));
  lock.packages = Object.fromEntries([top, ...rest]);
  writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
  process.stderr.write(`packages: ${added.length} optional packages of other platforms noted in package-lock.json\n`);
}
