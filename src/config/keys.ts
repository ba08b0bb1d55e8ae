// The vocabulary of keys: each says its kind, default, effect and whether a reload can change it. The schema, the example file,
// the reference page and the JSON Schema are all read from here.
import * as z from 'zod';
import { DURATION_PATTERN, LONGEST_MS, parseAddress, parseDuration, parseSize, showDuration, showSize, SIZE_PATTERN } from './units.ts';

export interface Note {
  /** One sentence for the reference page. */
  readonly doc: string;
  /** A change of a `restart` key refuses a reload. */
  readonly reload?: 'restart';
  /** The original has the key, with this meaning. */
  readonly original?: true;
  /** Only for backends of this type. */
  readonly only?: 'stdio' | 'http';
  /** The value may be a secret: never shown. */
  readonly secret?: true;
  /** Shown in the example file when there is no default. */
  readonly example?: string;
}

/** One line of the settings table. */
export interface Row extends Note {
  /** Words that complete "must be …". */
  readonly kind: string;
  /** The same for one entry of a list or table. */
  readonly each: string | undefined;
  /** As TOML; undefined = not set. */
  readonly fallback: string | undefined;
}

/** Which row a schema stands for. */
export const ROWS: z.core.$ZodRegistry<Row> = z.registry<Row>();

type Key<Out> = z.ZodType<Out>;

function row<T extends z.ZodType>(schema: T, note: Note, kind: string, fallback: string | undefined, each?: string): T {
  ROWS.add(schema, { ...note, kind, each, fallback });
  return schema;
}

export function flag(fallback: boolean, note: Note): Key<boolean> {
  return row(z.boolean().default(fallback), note, 'true or false', String(fallback));
}

export function maybeFlag(note: Note): Key<boolean | undefined> {
  return row(z.boolean().optional(), note, 'true or false', undefined);
}

export interface Range {
  readonly least?: number;
  readonly most?: number;
}

const MOST_COUNT = 1_000_000_000;

function whole(range: Range): z.ZodInt {
  return z.int().min(range.least ?? 0).max(range.most ?? MOST_COUNT);
}

export function count(fallback: number, note: Note, range: Range = {}): Key<number> {
  return row(whole(range).default(fallback), note, 'a whole number', String(fallback));
}

export function maybeCount(note: Note, range: Range = {}): Key<number | undefined> {
  return row(whole(range).optional(), note, 'a whole number', undefined);
}

export function rate(fallback: number, note: Note): Key<number> {
  return row(z.number().min(0).max(1).default(fallback), note, 'a number from 0 to 1', String(fallback));
}

/** Whole seconds, the manner of the original; milliseconds inside. */
export function seconds(fallback: number, note: Note, range: Range = {}): Key<number> {
  const schema = whole({ least: range.least ?? 0, most: range.most ?? LONGEST_MS / 1000 }).default(fallback);
  return row(schema.transform((value) => value * 1000), note, 'a whole number of seconds', String(fallback));
}

const DURATION = 'a duration such as "30s", "5m" or "500ms"';

function time(range: Range): z.ZodType<number, string> {
  const least = range.least ?? 0;
  const most = range.most ?? LONGEST_MS;
  return z.string().regex(DURATION_PATTERN).transform((text) => parseDuration(text) ?? Number.NaN)
    .refine((ms) => ms >= least && ms <= most, { error: `from ${showDuration(least)} to ${showDuration(most)}` });
}

/** The range is in milliseconds. */
export function duration(fallback: string, note: Note, range: Range = {}): Key<number> {
  return row(time(range).prefault(fallback), note, DURATION, `"${fallback}"`);
}

export function maybeDuration(note: Note, range: Range = {}): Key<number | undefined> {
  return row(time(range).optional(), note, DURATION, undefined);
}

/** The range is in bytes. */
export function size(fallback: string, note: Note, range: Range = {}): Key<number> {
  const least = range.least ?? 1;
  const most = range.most ?? 2 ** 30;
  const schema = z.string().regex(SIZE_PATTERN).transform((text) => parseSize(text) ?? Number.NaN)
    .refine((bytes) => bytes >= least && bytes <= most, { error: `from ${showSize(least)} to ${showSize(most)}` });
  return row(schema.prefault(fallback), note, 'a size such as "64KiB" or "4MiB"', `"${fallback}"`);
}

export function address(fallback: string, note: Note): Key<string> {
  const schema = z.string().refine((text) => parseAddress(text) !== undefined, { error: 'form' });
  return row(schema.default(fallback), note, 'an address such as "127.0.0.1:9200"', `"${fallback}"`);
}

const TEXT = (): z.ZodString => z.string().min(1).max(4096);

export function text(fallback: string, note: Note): Key<string> {
  return row(TEXT().default(fallback), note, 'a text', JSON.stringify(fallback));
}

export function neededText(note: Note): Key<string> {
  return row(TEXT(), note, 'a text', undefined);
}

export function maybeText(note: Note): Key<string | undefined> {
  return row(TEXT().optional(), note, 'a text', undefined);
}

const MOST_WORDS = 10_000;

/** A list of texts. */
export function words(fallback: readonly string[], note: Note): Key<string[]> {
  return row(z.array(TEXT()).max(MOST_WORDS).default([...fallback]), note, 'a list of texts', JSON.stringify(fallback), 'a text');
}

/** Arguments may be empty and long. */
export function plainWords(note: Note): Key<string[]> {
  return row(z.array(z.string().max(131_072)).max(MOST_WORDS).default([]), note, 'a list of texts', '[]', 'a text');
}

export function choice<const T extends string>(options: readonly [T, ...T[]], fallback: T, note: Note): Key<T> {
  return row(z.enum(options).default(fallback), note, oneOf(options), `"${fallback}"`);
}

export function neededChoice<const T extends string>(options: readonly [T, ...T[]], note: Note): Key<T> {
  return row(z.enum(options), note, oneOf(options), undefined);
}

export function choices<const T extends string>(options: readonly [T, ...T[]], fallback: readonly T[], note: Note): Key<T[]> {
  return row(z.array(z.enum(options)).min(1).default([...fallback]), note, `a list of ${oneOf(options)}`, JSON.stringify(fallback), oneOf(options));
}

function oneOf(options: readonly string[]): string {
  return options.map((option) => `"${option}"`).join(' or ');
}

/** Name → whole number. */
export function counts(note: Note): Key<Record<string, number>> {
  return row(z.record(NAME, whole({})).default({}), note, 'a table of whole numbers', '{}', 'a whole number');
}

/** Name → text. */
export function texts(note: Note): Key<Record<string, string>> {
  return row(z.record(NAME, TEXT()).default({}), note, 'a table of texts', '{}', 'a text');
}

const NAME = z.string().min(1).max(512);

/** Where a secret is kept; exactly one of the two. */
export type SecretRef = { readonly env?: string | undefined; readonly file?: string | undefined };

const REF = z.strictObject({ env: TEXT().optional(), file: TEXT().optional() })
  .refine((ref) => (ref.env === undefined) !== (ref.file === undefined), { error: 'form' });
const REF_KIND = '{ env = "NAME" } or { file = "path" }';

export function secret(note: Omit<Note, 'secret'>): Key<SecretRef | undefined> {
  return row(REF.optional(), { ...note, secret: true }, REF_KIND, undefined);
}

/** A text, in which `${env:NAME}` is replaced, or a reference. */
export type SecretText = string | SecretRef;

const SECRET_TEXT = z.union([z.string().max(131_072), REF]);

const SECRET_TEXT_KIND = `a text, which may hold "\${env:NAME}", or ${REF_KIND}`;

export function secretText(note: Omit<Note, 'secret'>): Key<SecretText | undefined> {
  return row(SECRET_TEXT.optional(), { ...note, secret: true }, SECRET_TEXT_KIND, undefined);
}

export function secretTexts(note: Omit<Note, 'secret'>): Key<Record<string, SecretText>> {
  return row(z.record(NAME, SECRET_TEXT).default({}), { ...note, secret: true }, `a table; each value ${SECRET_TEXT_KIND}`, '{}', SECRET_TEXT_KIND);
}
