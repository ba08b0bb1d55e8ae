// How a key of an object is written in a path of a record. Keys are values as often as names (a map by e-mail address, by account number), and an
// agent chooses them: in the clear stand those that somebody else has named before, all others as a digest that only this node can make.

/** What is written for a key between two slashes. */
export type Segment = (key: string) => string;

const KEY_UNITS = 64;
/** Of a longer key the digest is of this much: what is asked for is one key again, and not a megabyte. */
export const DIGESTED_UNITS = 256;
const DIGEST_UNITS = 8;

/** As JSON Pointer has it (RFC 6901), with `*` as `~2`: in a path it stands for every element. Long keys are cut. */
export function plainSegment(key: string): string {
  const short = key.length > KEY_UNITS ? `${key.slice(0, KEY_UNITS)}…` : key;
  return short.toWellFormed().replaceAll('~', '~0').replaceAll('/', '~1').replaceAll('*', '~2');
}

/** `~3` and eight digits of a keyed digest, where the key is not among those that may stand. */
export function segmentOf(mayStand: (key: string) => boolean, digest: (text: string) => string): Segment {
  return (key) => (mayStand(key) ? plainSegment(key) : `~3${digest(key.slice(0, DIGESTED_UNITS)).slice(0, DIGEST_UNITS)}`);
}

/** The same for who knows the declared names only later. */
export function segmentsBy({ digest }: { digest(text: string): string }): (declared: ReadonlySet<string>) => Segment {
  return (declared) => segmentOf((key) => declared.has(key), digest);
}

/** Of what is found by key or by place in an array. */
export function pathOf(steps: readonly (string | number)[], segment: Segment): string {
  return steps.map((step) => `/${typeof step === 'number' ? step : segment(step)}`).join('');
}
