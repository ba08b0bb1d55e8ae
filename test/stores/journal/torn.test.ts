// Files that were cut, damaged or lost: the next start comes up, recovers what was committed, and gives no number twice (F43).
import assert from 'node:assert/strict';
import { appendFileSync, copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test, type TestContext } from 'node:test';
import { FULL, openCallsIn, problemsIn, writtenIn } from '../../support/journal/load.ts';
import { desk, type Desk, entry } from './desk.ts';

const SEGMENT = '00000001.db';

interface Torn {
  readonly at: Desk;
  readonly directory: string;
  readonly wal: string;
  /** The journal as it was when its writer died. */
  reset(): void;
}

/** A journal of a run that died with one call open. `checkpointed`: all of it is in the main file. */
function torn(t: TestContext, checkpointed = false): Torn {
  const at = desk(t);
  const writer = at.scribe('dead');
  writer.append([entry({ kind: 'intent', call_id: 'a' })]);
  writer.append([entry({ kind: 'outcome', call_id: 'a' }), entry({ event: 'x', fault: 'f'.repeat(9000) })]);
  writer.append([entry({ kind: 'intent', call_id: 'b' })]);
  at.dead.add('dead');
  const [directory] = at.directories;
  if (checkpointed) {
    const database = new DatabaseSync(join(directory, SEGMENT));
    database.exec('pragma wal_checkpoint(truncate)');
    database.close();
  }
  const kept = join(at.stateDir, 'kept');
  const remembered = join(at.stateDir, 'journal-highest');
  cpSync(directory, kept, { recursive: true });
  copyFileSync(remembered, join(at.stateDir, 'kept-highest'));
  return {
    at, directory, wal: join(directory, `${SEGMENT}-wal`),
    reset: () => {
      rmSync(directory, { recursive: true });
      mkdirSync(directory);
      for (const name of readdirSync(kept)) copyFileSync(join(kept, name), join(directory, name));
      copyFileSync(join(at.stateDir, 'kept-highest'), remembered);
    },
  };
}

/** What is read, its first run at least, as it is known to be. */
function starts({ at }: Torn, what: string): { readonly recovered: number; readonly epoch: number } {
  const next = at.scribe('next');
  const opened = next.open();
  assert.ok(opened.ok, `${what}: ${JSON.stringify(opened)}`);
  assert.equal(opened.value.epoch, 2, what);
  assert.deepEqual(next.append([entry({ event: 'after' })]), { ok: true, value: undefined }, what);
  next.end();
  const records = writtenIn(at.directories);
  assert.deepEqual(openCallsIn(records), [], what);
  assert.deepEqual(records.filter(({ epoch }) => epoch === 2).map(({ seq }) => seq), Array.from({ length: 2 + opened.value.indeterminate }, (_, seq) => seq + 1), what);
  const recovered = records.filter(({ epoch }) => epoch === 1).map(({ seq }) => seq);
  assert.deepEqual(recovered, recovered.map((_, seq) => seq + 1), what);
  return { recovered: recovered.length, epoch: opened.value.epoch };
}

const FRAME = 24 + 4096;

test('a write-ahead log that is cut at any byte leaves all commits before it', async (t) => {
  const made = torn(t);
  const size = statSync(made.wal).size;
  const edges = Array.from({ length: Math.ceil(size / FRAME) }, (_, frame) => 32 + frame * FRAME);
  // What is cut within a frame is cut alike wherever it is: in full each byte of a header, and one in so many of a page.
  const cuts = new Set(FULL ? [...edges.flatMap((edge) => Array.from({ length: 32 }, (_, byte) => edge - 4 + byte)), ...Array.from({ length: Math.floor(size / 101) }, (_, at) => at * 101)] : edges.flatMap((edge) => [edge - 1, edge, edge + 13]));
  const seen: number[] = [];
  for (const cut of [0, 17, ...cuts].filter((one) => one < size).toSorted((a, b) => a - b)) {
    made.reset();
    truncateSync(made.wal, cut);
    const { recovered } = starts(made, `cut at ${cut} of ${size}`);
    assert.ok(recovered >= (seen.at(-1) ?? 0), `${cut}`);
    seen.push(recovered);
    const problems = await problemsIn(made.at);
    // Nothing of the first run is left: that a run is missing is what there is to say.
    assert.deepEqual(problems.map(({ problem }) => problem), recovered === 0 ? ['missing_epoch'] : [], `cut at ${cut}`);
  }
  assert.deepEqual([...new Set(seen)], [0, 1, 2, 4]);
});

test('a byte that was changed in the write-ahead log ends it there', (t) => {
  const made = torn(t);
  const size = statSync(made.wal).size;
  for (let step = 0; step < (FULL ? 500 : 20); step += 1) {
    made.reset();
    const place = (step * 7919 + 12) % size;
    flip(made.wal, place);
    starts(made, `byte ${place}`);
  }
});

function flip(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at] = (bytes[at] ?? 0) ^ 0xff;
  writeFileSync(path, bytes);
}

test('a main file that is cut is left as it is, the next segment is begun, and the check names it', async (t) => {
  const made = torn(t, true);
  const path = join(made.directory, SEGMENT);
  const size = statSync(path).size;
  const step = FULL ? 512 : 16_384;
  for (let cut = 100; cut < size - 4096; cut += step) {
    made.reset();
    truncateSync(path, cut);
    const before = readFileSync(path);
    const next = made.at.scribe('next');
    const opened = next.open();
    assert.ok(opened.ok, `${cut}: ${JSON.stringify(opened)}`);
    assert.equal(opened.value.epoch, 2, `${cut}`);
    next.end();
    assert.ok(existsSync(join(made.directory, '00000002.db')), `${cut}`);
    assert.ok(readFileSync(path).equals(before), `${cut}: it was changed`);
    const problems = await problemsIn(made.at);
    assert.ok(problems.some(({ where }) => where.startsWith(path)), `${cut}: ${JSON.stringify(problems)}`);
  }
});

test('whatever byte of the main file was changed, the next run starts with its own epoch', (t) => {
  const made = torn(t, true);
  const path = join(made.directory, SEGMENT);
  const size = statSync(path).size;
  for (let step = 0; step < (FULL ? 2000 : 40); step += 1) {
    made.reset();
    // A number of format that is newer than this version: who could tell?
    const place = (step * 1237 + 40) % size;
    flip(path, place);
    const next = made.at.scribe('next');
    const opened = next.open();
    if (!opened.ok && opened.error.code === 'schema') continue;
    assert.ok(opened.ok, `byte ${place}: ${JSON.stringify(opened)}`);
    assert.ok(opened.value.epoch >= 2, `byte ${place}`);
    assert.deepEqual(next.append([entry({ event: 'after' })]), { ok: true, value: undefined }, `byte ${place}`);
    next.end();
  }
});

test('numbers are not given again when what remembers them is cut, lost, or all there is', (t) => {
  const made = torn(t, true);
  const remembered = [join(made.directory, 'highest'), join(made.at.stateDir, 'journal-highest')];
  for (const damage of ['', '1', '9', 'x\n', '0 0\n', '-7 -7\n', '1e9 3\n']) {
    made.reset();
    for (const path of remembered) writeFileSync(path, damage);
    starts(made, `highest ${JSON.stringify(damage)}`);
  }
  // With no other witness the bytes of the damaged segment tell.
  made.reset();
  for (const path of remembered) rmSync(path);
  flip(join(made.directory, SEGMENT), 3);
  assert.equal(epochOf(made.at), 2);
  // And with the whole directory gone, the state directory does.
  made.reset();
  rmSync(made.directory, { recursive: true });
  assert.equal(epochOf(made.at), 2);
  assert.deepEqual(readdirSync(made.directory).filter((name) => name.endsWith('.db')), ['00000002.db']);
  mkdirSync(made.directory, { recursive: true });
});

function epochOf(at: Desk): number | undefined {
  const next = at.scribe('next');
  const opened = next.open();
  next.end();
  return opened.ok ? opened.value.epoch : undefined;
}

test('an index that is cut, damaged or gone is made again', async (t) => {
  const made = torn(t);
  const shm = join(made.directory, `${SEGMENT}-shm`);
  const damages: readonly (() => void)[] = [() => rmSync(shm), () => truncateSync(shm, 0), () => truncateSync(shm, 100), () => writeFileSync(shm, Buffer.alloc(32_768, 0xff))];
  for (const [at, damage] of damages.entries()) {
    made.reset();
    damage();
    assert.equal(starts(made, `damage ${at}`).recovered, 5);
    assert.deepEqual(await problemsIn(made.at), []);
  }
});

test('an empty segment and what a run that died left of a new one stop nobody', async (t) => {
  const made = torn(t);
  appendFileSync(join(made.directory, '00000002.db'), '');
  writeFileSync(join(made.directory, '.new-1-00000000'), 'half of a segment');
  const next = made.at.scribe('next');
  assert.deepEqual(next.open(), { ok: true, value: { epoch: 2, indeterminate: 1 } });
  next.append([entry({ event: 'after' })]);
  next.end();
  assert.ok(existsSync(join(made.directory, '00000003.db')));
  assert.ok((await problemsIn(made.at)).every(({ where }) => where.endsWith('00000002.db')));
});

test('a damaged record hides no other open call of its run', (t) => {
  const made = torn(t, true);
  const path = join(made.directory, SEGMENT);
  const bytes = readFileSync(path);
  // The first intent's record: no JSON any more.
  bytes[bytes.indexOf('"kind":"intent","call_id":"a"')] = 0x7b;
  writeFileSync(path, bytes);
  const opened = made.at.scribe('next').open();
  assert.ok(opened.ok && opened.value.indeterminate === 1, JSON.stringify(opened));
});

test('with the second directory away the numbers of its segments are not given again', async (t) => {
  const at = desk(t, true);
  const [own, spare = ''] = at.directories;
  const first = at.scribe('a');
  first.append([entry({ event: 'one' })]);
  rmSync(own, { recursive: true });
  writeFileSync(own, 'in the way');
  first.append([entry({ event: 'two' })]);
  first.end();
  rmSync(own);
  cpSync(spare, `${spare}-away`, { recursive: true });
  rmSync(spare, { recursive: true });
  const second = at.scribe('b');
  assert.deepEqual(second.open(), { ok: true, value: { epoch: 2, indeterminate: 0 } });
  second.end();
  for (const name of readdirSync(`${spare}-away`)) if (name.endsWith('.db')) copyFileSync(join(`${spare}-away`, name), join(spare, name));
  const numbers = at.directories.flatMap((directory) => readdirSync(directory)).filter((name) => name.endsWith('.db'));
  assert.equal(new Set(numbers).size, numbers.length, numbers.join());
});
