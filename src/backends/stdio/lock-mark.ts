// A second mark on what a child starts, for programs that are started with an empty environment: the hard limit on file locks.
// No Linux since 2.4.25 applies that limit (setrlimit(2), RLIMIT_LOCKS), fork and exec hand it down, and only CAP_SYS_RESOURCE raises it.

/** Children of one gateway run that can be told apart; later ones go without this mark. */
const CHILDREN = 2 ** 20;
/** Above every limit that a person would set, below 2^53: 32 bits of the run and 20 of the child. */
export const FLOOR: number = 2 ** 52;
const ROW = /^Max file locks\s+\S+\s+(\d+)\s/m;

/** Of the text of /proc/<pid>/limits; undefined: unlimited. */
export function lockLimit(limits: string): number | undefined {
  const value = ROW.exec(limits)?.[1];
  return value === undefined ? undefined : Number(value);
}

/** The limit that stands for this marker, `<run>.<child>`. */
export function lockMark(marker: string): number | undefined {
  const [run = '', child = ''] = marker.split('.');
  const first = firstOf(run);
  const n = Number(child);
  return first === undefined || child === '' || !(n < CHILDREN) ? undefined : first + n;
}

/** Whether this limit stands for a child of the run whose markers begin with `<run>.`. */
export function isOfRun(limit: number | undefined, prefix: string): boolean {
  const first = firstOf(prefix.split('.', 1)[0] ?? '');
  return limit !== undefined && first !== undefined && limit >= first && limit < first + CHILDREN;
}

function firstOf(run: string): number | undefined {
  const bytes = Buffer.from(run, 'base64url');
  return bytes.length < 4 ? undefined : FLOOR + bytes.readUInt32BE(0) * CHILDREN;
}
