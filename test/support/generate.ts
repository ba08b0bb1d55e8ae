// Writes the files that are made from the settings table. Run by scripts/generate; test/config/reference.test.ts fails when they are stale.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorPages, exampleText, schemaText, withReference } from './reference.ts';

const root = join(import.meta.dirname, '..', '..');
const page = join(root, 'docs', 'config.md');
const errors = join(root, 'docs', 'errors');

mkdirSync(errors, { recursive: true });
writeFileSync(join(root, 'sentinel.toml.example'), exampleText());
writeFileSync(join(root, 'sentinel.schema.json'), schemaText());
writeFileSync(page, withReference(readFileSync(page, 'utf8')));
for (const [name, text] of errorPages()) writeFileSync(join(errors, name), text);
process.stderr.write(`written: sentinel.toml.example, sentinel.schema.json, docs/config.md, ${errorPages().size} pages in docs/errors\n`);
