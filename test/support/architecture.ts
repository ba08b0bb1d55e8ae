// The walls of the house as tables, and a checker over plain texts, so that the architecture test can also prove that it fails when it should.

export type SourceFile = { readonly path: string; readonly text: string };

type Room = {
  readonly rooms: readonly string[];
  readonly packages: readonly string[];
  /** Which `node:` modules may be imported: only edges touch the machine, and `node:path` only reckons with text. */
  readonly node: 'any' | readonly string[];
};

const EDGES = ['identity', 'backends', 'stores', 'telemetry', 'surfaces'];
const INNER = ['pipeline', 'relay', 'guards', 'config', 'core'];

export const ROOMS: Readonly<Record<string, Room>> = {
  core: { rooms: [], packages: [], node: [] },
  guards: { rooms: ['core'], packages: [], node: [] },
  relay: { rooms: ['core'], packages: [], node: [] },
  config: { rooms: ['core'], packages: ['smol-toml', 'zod', 'ipaddr.js'], node: ['node:path'] },
  pipeline: { rooms: ['guards', 'relay', 'core'], packages: [], node: [] },
  identity: { rooms: ['core'], packages: ['jose', 'undici'], node: 'any' },
  backends: {
    rooms: ['relay', 'core'],
    packages: ['undici', 'execa', 'eventsource-parser', 'p-retry', 'ajv', 'ajv-formats', 'ipaddr.js'],
    node: 'any',
  },
  stores: { rooms: ['core', 'migrations'], packages: ['kysely', 'pg', 'ipaddr.js', 'undici'], node: 'any' },
  telemetry: { rooms: ['core'], packages: ['pino', 'prom-client'], node: 'any' },
  surfaces: { rooms: ['pipeline', 'relay', 'core'], packages: [], node: 'any' },
  app: { rooms: [...EDGES, ...INNER], packages: ['p-retry'], node: 'any' },
  cli: { rooms: ['app', 'config', 'core'], packages: ['execa', 'smol-toml'], node: 'any' },
  migrations: { rooms: [], packages: ['kysely'], node: [] },
};

/** Order matters: nothing costly or revealing runs before what may refuse the call without it (design: kill → role → limit → arguments → guards). */
export const STAGE_ORDER: readonly string[] = ['kill', 'role', 'limit', 'arguments', 'guards'];

const MAX_LINES = 300;
/** Loads the numbered files of migrations/, and nothing else. */
const LOADS_A_FOLDER = 'src/stores/migrate.ts';
const SPAWNS = /^src\/(backends\/stdio|cli)\//;
const IMPORTS = /(?:^|[\s;])(?:import|export)\b[^'"`;()]*?\bfrom\s*['"]([^'"]+)['"]|(?:^|[\s;])import\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]|\bnew URL\(\s*['"](\.[^'"]+)['"]/g;
const COMMENTS = /\/\*[\s\S]*?\*\/|(?<=^\s*)\/\/[^\n]*/gm;

function roomOf(path: string): string {
  const [top = '', room = ''] = path.split('/');
  return top === 'src' && path.split('/').length > 2 ? room : top;
}

function packageOf(specifier: string): string {
  const [scope = '', name = ''] = specifier.split('/');
  return scope.startsWith('@') ? `${scope}/${name}` : scope;
}

function resolve(from: string, specifier: string): string {
  return new URL(specifier, `file:///${from}`).pathname.slice(1);
}

function importProblem(path: string, specifier: string): string | undefined {
  const name = roomOf(path);
  const room = ROOMS[name];
  if (room === undefined) return undefined;
  if (specifier.startsWith('.')) {
    const target = resolve(path, specifier);
    if (!target.endsWith('.ts') && path !== LOADS_A_FOLDER) return `${path}: "${specifier}" does not end in .ts`;
    const other = roomOf(target);
    return other === name || room.rooms.includes(other) ? undefined : `${path}: ${name} may not import ${other} ("${specifier}")`;
  }
  if (specifier.startsWith('node:')) {
    if (room.node !== 'any' && !room.node.includes(specifier)) return `${path}: ${name} may not touch the machine ("${specifier}")`;
    return specifier === 'node:child_process' && !SPAWNS.test(path) ? `${path}: only backends/stdio and cli start processes` : undefined;
  }
  return room.packages.includes(packageOf(specifier)) ? undefined : `${path}: ${name} may not use the package "${specifier}"`;
}

function fileProblems({ path, text }: SourceFile): readonly string[] {
  const problems: string[] = [];
  const code = text.replaceAll(COMMENTS, '');
  const lines = text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
  if (ROOMS[roomOf(path)] === undefined) problems.push(`${path}: in no room of the design`);
  if (lines > MAX_LINES) problems.push(`${path}: ${lines} lines, more than ${MAX_LINES}`);
  for (const match of code.matchAll(IMPORTS)) {
    const problem = importProblem(path, match[1] ?? match[2] ?? match[3] ?? match[4] ?? '');
    if (problem !== undefined) problems.push(problem);
  }
  if (/\bimport\(\s*[^'"\s]/.test(code) && path !== LOADS_A_FOLDER) problems.push(`${path}: imports a computed name`);
  if (/\bcreateRequire\b|\brequire\(/.test(code)) problems.push(`${path}: require passes by the table of rooms`);
  const issues = path !== 'src/core/permit.ts' && path !== 'src/pipeline/admit.ts' && /\bissuePermit\b/.test(code);
  if (issues) problems.push(`${path}: only pipeline/admit.ts may issue a permit`);
  return problems;
}

/** Every broken wall, one line each. `atLeast`: fewer files mean that the scan itself is broken. */
export function architectureProblems(files: readonly SourceFile[], atLeast: number): readonly string[] {
  const blind = files.length < atLeast ? [`saw only ${files.length} files, expected at least ${atLeast}`] : [];
  return [...blind, ...files.flatMap(fileProblems)];
}

export function stageProblems(names: readonly string[]): readonly string[] {
  const same = names.length === STAGE_ORDER.length && names.every((name, at) => name === STAGE_ORDER[at]);
  return same ? [] : [`stages run as ${names.join(' → ')}, not ${STAGE_ORDER.join(' → ')}`];
}

export type Lockfile = { readonly packages: Readonly<Record<string, LockEntry>> };
type LockEntry = {
  readonly dev?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
};

/** Names of what a user of the published package installs, at most. */
export function runtimeClosure(lock: Lockfile): readonly string[] {
  return Object.entries(lock.packages).flatMap(([at, entry]) => (at === '' || entry.dev === true ? [] : [at]));
}

/** Packages that an entry names and the lockfile lacks: `npm ci` refuses such a file. */
export function lockGaps(lock: Lockfile): readonly string[] {
  return Object.entries(lock.packages).flatMap(([at, entry]) =>
    Object.keys({ ...entry.dependencies, ...entry.optionalDependencies })
      .filter((name) => !placesOf(at, name).some((place) => Object.hasOwn(lock.packages, place)))
      .map((name) => `${at === '' ? 'package.json' : at} needs ${name}`),
  );
}

/** Where Node looks for `name` from a package installed at `at`: its own node_modules, then each one above. */
function placesOf(at: string, name: string): readonly string[] {
  const parts = at === '' ? [] : at.split('/node_modules/');
  return [...parts.map((_, index) => `${parts.slice(0, index + 1).join('/node_modules/')}/node_modules/${name}`), `node_modules/${name}`];
}
