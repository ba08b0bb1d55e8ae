// Texts that are made from the settings table and the table of codes, so that they cannot say anything else than the program does.
import * as z from 'zod';
import { CODES, type CodeEntry } from '../../src/config/codes.ts';
import { exportKeys } from '../../src/config/audit-exports.ts';
import { ROWS } from '../../src/config/keys.ts';
import { FILE_SCHEMA, settingsTable } from '../../src/config/settings.ts';
import type { TableRow } from '../../src/config/table.ts';

const TITLES: Readonly<Record<string, string>> = {
  gateway: 'where the gateway listens and keeps its state',
  bounds: 'how much of anything an outsider may use',
  auth: 'whose tokens are believed',
  postgres: 'the store, when it is PostgreSQL',
  store: 'the store, when it is embedded',
  audit: 'what is recorded',
  backends: 'the MCP servers behind the gateway, one table each',
  rbac: 'who may call what; without a role nobody may call anything',
  scopes: 'what agents\' tokens must have been granted, besides their roles',
  rate_limits: 'how often, in any 60 seconds',
  concurrency: 'how much at once',
  kill_switch: 'what is stopped, from the next reload on (`sentinel kill` stops at once)',
  arguments: 'whether arguments must fit the schema of the tool',
  catalog: 'how tools are named, and what lists say',
  compat: 'manners of the original gateway',
};

interface Table {
  readonly name: string;
  readonly rows: readonly TableRow[];
}

function tables(): readonly Table[] {
  const names = Object.keys(TITLES);
  return names.map((name) => ({ name, rows: settingsTable().filter((row) => row.path.split(/[.[]/, 1)[0] === name) }));
}

// ── sentinel.toml.example ───────────────────────────────────────────────────
const EXAMPLE_HEAD = `#:schema ./sentinel.schema.json
# Every key of Sentinel. Lines with one # are defaults: removing the # changes nothing.
# Lines with two are examples of what has no default. \`sentinel check\` reads a file without running it.
# "restart" marks what a reload (SIGHUP, sentinel reload) cannot change.
`;

export function exampleText(): string {
  return [EXAMPLE_HEAD, ...tables().map(exampleTable)].join('\n');
}

function exampleTable({ name, rows }: Table): string {
  const title = `# ── ${TITLES[name] ?? ''} ${'─'.repeat(Math.max(2, 100 - (TITLES[name] ?? '').length))}`;
  if (name === 'backends') return [title, ...exampleBackend(rows, 'stdio'), '', ...exampleBackend(rows, 'http'), ''].join('\n');
  if (name === 'rbac') return [title, '[rbac.roles]', '## [rbac.roles.developer]', ...rows.flatMap((row) => exampleRow(row, '##')), ''].join('\n');
  if (name === 'scopes') {
    const [own, grants] = [rows.filter((row) => !row.path.includes('.grants.')), rows.filter((row) => row.path.includes('.grants.'))];
    return [title, '[scopes]', ...own.flatMap((row) => exampleRow(row, '#')), '## [scopes.grants."files:read"]', ...grants.flatMap((row) => exampleRow(row, '##')), ''].join('\n');
  }
  const listOf = (row: TableRow): string | undefined => /^([a-z_]+\.[a-z_]+)\[\]\./.exec(row.path)?.[1];
  const listed = rows.filter((row) => listOf(row) === undefined && !row.path.startsWith('auth.own_keys.'));
  const lists = Map.groupBy(rows.filter((row) => listOf(row) !== undefined), listOf);
  const more = [...lists].flatMap(([list, of]) => (list === 'audit.exports' ? exampleExports(of) : [`## [[${list ?? ''}]]`, ...of.flatMap((row) => exampleRow(row, '##'))]));
  return [title, `[${name}]`, ...listed.flatMap((row) => exampleRow(row, row.fallback === undefined ? '##' : '#')), ...more, ''].join('\n');
}

/** One of each kind, with the keys that mean something to it; what several have is shown once. */
const EXPORTS = { file: ['local', '"/var/log/sentinel/audit.jsonl"'], syslog: ['siem', '"tls://siem.example.com:6514"'], otlp: ['collector', '"https://collector.example.com"'], webhook: ['soc', '"https://soc.example.com/audit"'], replica: ['anchor', '"https://other.example.com"'] } as const;

function exampleExports(rows: readonly TableRow[]): readonly string[] {
  const said = new Set<string>();
  return (['file', 'syslog', 'otlp', 'webhook', 'replica'] as const).flatMap((kind) => {
    const [name, place] = EXPORTS[kind];
    const own: Readonly<Record<string, string>> = { name: `"${name}"`, kind: `"${kind}"`, path: place, url: place };
    const keys = exportKeys(kind).filter((key) => Object.hasOwn(own, key) || !said.has(key));
    for (const key of keys) said.add(key);
    return ['## [[audit.exports]]', ...keys.flatMap((key) => rows.filter((row) => row.path === `audit.exports[].${key}`).flatMap((row) => exampleRow(own[key] === undefined ? row : { ...row, example: own[key] }, '##')))];
  });
}

const NAMES: Readonly<Record<'stdio' | 'http', string>> = { stdio: '"files"', http: '"tools"' };

function exampleBackend(rows: readonly TableRow[], kind: 'stdio' | 'http'): readonly string[] {
  const fit = rows.filter((row) => row.only === undefined || row.only === kind);
  const shown = kind === 'stdio' ? fit : fit.filter((row) => row.only === kind || row.path === 'backends[].name' || row.path === 'backends[].type');
  return ['## [[backends]]', ...shown.flatMap((row) => {
    if (row.path === 'backends[].name') return exampleRow({ ...row, example: NAMES[kind] }, '##');
    return row.path === 'backends[].type' ? exampleRow({ ...row, example: `"${kind}"` }, '##') : exampleRow(row, '##');
  })];
}

function exampleRow(row: TableRow, mark: '#' | '##'): readonly string[] {
  const key = row.path.replace(/^(backends\[\]|[a-z_]+\.[a-z_]+\[\]|rbac\.roles\.<name>|scopes\.grants\.<name>|[a-z_]+)\./, '');
  const value = mark === '##' ? row.example ?? ISSUER_EXAMPLES[row.path] ?? row.fallback : row.fallback;
  return [`# ${row.doc}${row.reload === 'restart' ? ' (restart)' : ''}`, `${mark} ${key} = ${value ?? '""'}`];
}

const ISSUER_EXAMPLES: Readonly<Record<string, string>> = {
  'auth.issuers[].issuer': '"https://login.example.com"',
  'auth.issuers[].audience': '"https://sentinel.example.com/mcp"',
  'auth.issuers[].jwks_url': '"https://login.example.com/.well-known/jwks.json"',
};

// ── docs/config.md, the generated part ──────────────────────────────────────
function referenceText(): string {
  return tables().map(({ name, rows }) => {
    const head = name === 'backends' ? '[[backends]]' : `[${name}]`;
    return [`### \`${head}\`: ${TITLES[name] ?? ''}`, '', '| key | must be | default | reload | |', '|---|---|---|---|---|', ...rows.map((row) => referenceRow(row, name)), ''].join('\n');
  }).join('\n');
}

function referenceRow(row: TableRow, table: string): string {
  const key = row.path.replace(table === 'backends' ? /^backends\[\]\./ : /^[a-z_]+\./, '');
  const only = row.only === undefined ? '' : ` (${row.only} only)`;
  const cells = [`\`${key}\``, row.kind, row.fallback === undefined ? '' : `\`${row.fallback}\``, row.reload === 'restart' ? 'restart' : 'live', `${row.doc}${only}`];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

const BEGIN = '<!-- made by scripts/generate from the settings table: begin -->';
const END = '<!-- end -->';

/** Puts the reference between its marks; the rest of the page is written by hand. */
export function withReference(page: string): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END, begin);
  if (begin < 0 || end < 0) throw new Error('docs/config.md has lost the marks of its generated part');
  return `${page.slice(0, begin)}${BEGIN}\n\n${referenceText()}\n${page.slice(end)}`;
}

// ── sentinel.schema.json ────────────────────────────────────────────────────
export function schemaText(): string {
  const schema = z.toJSONSchema(FILE_SCHEMA, {
    io: 'input',
    override: ({ zodSchema, jsonSchema }) => {
      const row = zodSchema instanceof z.ZodType ? ROWS.get(zodSchema) : undefined;
      if (row !== undefined) jsonSchema.description = row.doc;
    },
  });
  return `${JSON.stringify({ ...schema, title: 'Sentinel configuration' }, null, 2)}\n`;
}

// ── docs/errors/SEN-01xx.md ─────────────────────────────────────────────────
export function errorPages(): ReadonlyMap<string, string> {
  return new Map(Object.values(CODES).map((entry) => [`${entry.code}.md`, errorPage(entry)]));
}

function errorPage(entry: CodeEntry): string {
  const kept = entry.severity === 'warning'
    ? 'Everything: this is a warning, and the configuration is used.'
    : `A running gateway goes on with the revision it has; the file is refused as a whole. At start, the exit status is ${entry.exit ?? 11}.`;
  return `# ${entry.code}: ${entry.title}\n\n## What happened\n\n${entry.meaning}\n\n## How to fix\n\n${entry.cure}\n\n${entry.cases === undefined ? '' : `${entry.cases}\n\n`}## What keeps working\n\n${kept}\n`;
}
