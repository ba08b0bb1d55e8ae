// How long the main thread is held by one large result of many small elements, from the backend's answer to the agent's
// message, in milliseconds. `node bench/result.ts [tree …]`: other checkouts are measured in turn with this one, so that their
// ratio means something on a busy machine; one JSON object per tree on stdout.
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const ROUNDS = 12;
const TARGET_BYTES = 15 * 2 ** 20;

type Support = typeof import('../test/support/world.ts');
type Compose = typeof import('../src/core/json/compose.ts');

interface Tree {
  readonly path: string;
  readonly rounds: number[];
  once(): Promise<void>;
}

const trees: Tree[] = [];
for (const path of [join(import.meta.dirname, '..'), ...process.argv.slice(2).map((one) => resolve(one))]) trees.push(await treeAt(path));
for (let round = 0; round < ROUNDS; round += 1) {
  for (const tree of trees) {
    globalThis.gc?.();
    const start = performance.now();
    await tree.once();
    // The first two warm the compiler.
    if (round > 1) tree.rounds.push(performance.now() - start);
  }
}
for (const { path, rounds } of trees) {
  const sorted = rounds.toSorted((a, b) => a - b);
  const median = sorted[sorted.length >> 1] ?? 0;
  process.stdout.write(`${JSON.stringify({ tree: path, bytes: TARGET_BYTES, rounds: sorted.length, median_ms: Math.round(median), min_ms: Math.round(sorted[0] ?? 0) })}\n`);
}

async function treeAt(path: string): Promise<Tree> {
  const { world, settings }: Support = await import(pathToFileURL(join(path, 'test/support/world.ts')).href);
  const { toRaw }: Compose = await import(pathToFileURL(join(path, 'src/core/json/compose.ts')).href);
  const element = { type: 'text', text: 'x' };
  const raw = toRaw({ content: Array.from({ length: Math.floor(TARGET_BYTES / (JSON.stringify(element).length + 1)) }, () => element) });
  const base = settings();
  const w = world({ settings: { ...base, bounds: { ...base.bounds, resultBytes: 2 ** 24 } }, respond: () => ({ ok: true, value: { kind: 'result', raw } }) });
  return {
    path,
    rounds: [],
    once: async () => {
      const { message } = await w.callTool('alpha__echo');
      // As a surface does: the bytes that go out.
      if (Buffer.byteLength(message ?? '') < raw.length) throw new Error('no whole answer');
    },
  };
}
