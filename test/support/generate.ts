// The files that are made from the settings table and the verbs, and the program that writes them (scripts/generate). Tests fail when they are stale.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { filterPage } from '../../src/core/audit/reference.ts';
import { allVerbs } from '../../src/cli/table.ts';
import { cliReference } from './cli-reference.ts';
import { errorPages, exampleText, schemaText, withReference } from './reference.ts';

/** Path below `root` → text. */
export function generatedFiles(root: string): ReadonlyMap<string, string> {
  return new Map([
    ['sentinel.toml.example', exampleText()],
    ['sentinel.schema.json', schemaText()],
    ['docs/audit-filter.md', `# Filters of the audit\n\n${filterPage()}\n`],
    ['docs/config.md', withReference(readFileSync(join(root, 'docs/config.md'), 'utf8'))],
    ...[...errorPages()].map(([name, text]): [string, string] => [`docs/errors/${name}`, text]),
  ]);
}

if (import.meta.main) {
  const root = join(import.meta.dirname, '..', '..');
  const files = new Map([...generatedFiles(root), ['docs/cli.md', cliReference(await allVerbs())]]);
  for (const [path, text] of files) writeFileSync(join(root, path), text);
  process.stderr.write(`written: ${files.size} files made from the settings table and the verbs\n`);
}
