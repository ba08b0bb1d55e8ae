// `sentinel migrate`: the store to this version, and older audits into the journal.
import type { ImportReport, MigrateReport } from '../../app/migrate.ts';
import { printable } from '../../core/text.ts';
import { EXIT } from '../exit.ts';
import { tellEmbedded } from '../embedded.ts';
import { tellFile } from '../meant.ts';
import type { Verb, VerbContext } from '../verb.ts';

/** So often a word on how far it is. */
const TELL_MS = 1000;

export const verbs: readonly Verb[] = [{
  name: 'migrate',
  summary: 'bring the store to this version, and an older audit into its journal',
  usage: '',
  examples: [
    { run: 'sentinel migrate --dry-run', does: 'what would be done; changes nothing' },
    { run: 'sentinel migrate', does: 'the tables of the store, and the audit that a release before the journal left in sentinel.db' },
    { run: 'sentinel migrate --import postgres://reader@db.example.com/sentinel', does: "the original gateway's audit_log; the password in PGPASSWORD" },
    { run: 'sentinel migrate --import /backup/sentinel.db', does: 'the audit of another store of the first form' },
  ],
  about: 'Imported records stand in the journal as new ones, with the time, id and content that they had; `imported` in their `detail` says where from. What is read from stays as it is. Whatever breaks it off, run it again: it goes on where it was, and nothing is imported twice. A gateway may run meanwhile. See docs/migrating.md.',
  options: {
    import: { type: 'string', value: 'source', help: "only import: from the PostgreSQL URL of the original gateway, or from a file sentinel.db. A password in a URL is seen by whoever lists processes: use PGPASSWORD" },
    'dry-run': { type: 'boolean', help: 'only say what would be done' },
  },
  operands: [0, 0],
  run: runMigrate,
}];

async function runMigrate(cx: VerbContext): Promise<number> {
  const { readConfiguration } = await import('../../app/configuration.ts');
  const { migrateStore } = await import('../../app/migrate.ts');
  const read = readConfiguration(cx);
  if (!read.ok) return cx.fail(read.error);
  tellFile(cx);
  tellEmbedded(cx, read.value);
  const dryRun = cx.flags.on('dry-run');
  const done = await migrateStore(read.value.settings, { from: cx.flags.text('import'), cwd: cx.cwd, dryRun, by: cx.user, onProgress: progressOn(cx), signal: cx.signal });
  if (!done.ok) return cx.fail(done.error);
  const { imported } = done.value;
  if (cx.json) cx.outJson(reportJson(done.value, dryRun));
  else tell(cx, done.value, dryRun);
  if (imported?.interrupted !== true) return EXIT.ok;
  return cx.fail({ exit: EXIT.failed, code: 'SEN-0904', message: 'interrupted: not everything was imported', help: 'run the same command again: it goes on where it was' });
}

function progressOn(cx: VerbContext): (records: number, of: number | undefined) => void {
  let told = cx.now();
  return (records, of) => {
    if (cx.now() - told < TELL_MS) return;
    told = cx.now();
    cx.err(`${records}${of === undefined ? '' : ` of ${of}`} records …`);
  };
}

function tell(cx: VerbContext, { applied, imported }: MigrateReport, dryRun: boolean): void {
  if (applied.length > 0) cx.out(`${dryRun ? 'would apply' : 'applied'} ${applied.join(', ')}`);
  if (imported !== undefined && imported.records !== 0) {
    const what = `${imported.records ?? 'many'} records from ${placeOf(imported)}`;
    cx.out(dryRun ? `would import ${what}` : `imported ${what}`);
  }
  if (imported?.records === 0 && cx.flags.text('import') !== undefined) {
    cx.out(`0 new records from ${placeOf(imported)}, ${imported.rows ?? 'all'} already here`);
    return;
  }
  if (applied.length === 0 && (imported?.records ?? (imported === undefined ? 0 : 1)) === 0) cx.out('nothing to do: the store is of this version, and no older audit waits to be imported');
}

function placeOf({ from, source }: ImportReport): string {
  return printable(from === 'v1' ? source : `audit_log of ${source}`);
}

function reportJson({ applied, imported }: MigrateReport, dryRun: boolean): object {
  return {
    dry_run: dryRun, applied,
    imported: imported === undefined ? null : { from: imported.from, source: imported.source, records: imported.records ?? null, interrupted: imported.interrupted },
  };
}
