// Which test file belongs to which group of ./scripts/test. A file that belongs to none is an error, so that no test can be forgotten.
import { globSync } from 'node:fs';

export type GroupName = 'check' | 'unit' | 'attack' | 'protocol' | 'e2e' | 'fault' | 'conformance' | 'docs';

type Group = {
  readonly folders: readonly string[];
  /** Real servers the group's tests talk to. */
  readonly needs: readonly ('postgres' | 'sshd')[];
  /** Runs after everything else, one file at a time: it uses the default ports. */
  readonly alone?: true;
  /** Where the usual bound for a file is too short. */
  readonly timeoutMs?: number;
};

export const GROUPS: Readonly<Record<GroupName, Group>> = {
  check: { folders: ['.', 'check'], needs: [] },
  unit: {
    folders: ['core', 'guards', 'config', 'identity', 'relay', 'pipeline', 'backends', 'stores', 'surfaces', 'telemetry', 'app', 'cli', 'support'],
    needs: ['postgres', 'sshd'],
  },
  attack: { folders: ['attack'], needs: ['postgres'] },
  protocol: { folders: ['protocol', 'matrix', 'requirements'], needs: [] },
  e2e: { folders: ['e2e'], needs: ['postgres', 'sshd'] },
  fault: { folders: ['fault'], needs: ['postgres'] },
  // The suite waits for streams and log lines a fixed time, so nothing else may take the processors meanwhile.
  conformance: { folders: ['conformance'], needs: [], alone: true, timeoutMs: 600_000 },
  docs: { folders: ['docs'], needs: [], alone: true, timeoutMs: 600_000 },
};

export const GROUP_NAMES: readonly GroupName[] = ['check', 'unit', 'attack', 'protocol', 'e2e', 'fault', 'conformance', 'docs'];

export function isGroupName(word: string): word is GroupName {
  return Object.hasOwn(GROUPS, word);
}

/** `path` is relative to the repository, with forward slashes: `test/core/limit.test.ts`. */
export function groupOf(path: string): GroupName | undefined {
  const [top, second, third] = path.split('/');
  if (top !== 'test' || second === undefined) return undefined;
  const folder = third === undefined ? '.' : second;
  return GROUP_NAMES.find((name) => GROUPS[name].folders.includes(folder));
}

/** Every test file of the repository, in a stable order. */
export function testFiles(root: string): readonly string[] {
  return globSync('test/**/*.test.ts', { cwd: root })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => !path.startsWith('test/fixtures/'))
    .toSorted();
}
