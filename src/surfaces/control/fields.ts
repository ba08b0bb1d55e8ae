// Reads the JSON body of one control request member by member. Unknown and malformed members are problems, all told at once.
import { decodeUtf8, type RawJson, scan } from '../../core/json/scan.ts';
import { AGENT_LIMITS } from '../../core/json/raw.ts';
import { elements, kindOf, members, safeIntegerOf, stringOf } from '../../core/json/slice.ts';
import { type Timestamp, timestamp } from '../../core/ids.ts';
import { err, ok, type Result } from '../../core/result.ts';

const TEXT_MAX = 1024;

export class Fields {
  readonly problems: string[] = [];
  readonly #all: ReadonlyMap<string, RawJson>;

  private constructor(all: ReadonlyMap<string, RawJson>, known: readonly string[]) {
    this.#all = all;
    for (const name of all.keys()) if (!known.includes(name)) this.problems.push(`unknown member: ${name.slice(0, 64)}`);
  }

  /** An empty body is an empty object. */
  static read(bytes: Uint8Array, known: readonly string[]): Result<Fields, string> {
    if (bytes.length === 0) return ok(new Fields(new Map(), known));
    const text = decodeUtf8(bytes);
    const scanned = text.ok ? scan(text.value, AGENT_LIMITS) : text;
    if (!scanned.ok) return err('the body is not valid JSON');
    const all = members(scanned.value);
    return all === undefined ? err('the body must be a JSON object') : ok(new Fields(all, known));
  }

  /** An object member with members of its own; undefined (and a problem) when it is anything else. */
  object(name: string, known: readonly string[]): Fields | undefined {
    const all = members(this.#all.get(name));
    if (all !== undefined) return new Fields(all, known);
    this.problems.push(`${name} must be an object`);
    return undefined;
  }

  text(name: string, max: number = TEXT_MAX): string {
    const value = this.optionalText(name, max);
    if (value === undefined || value.trim() === '') this.problems.push(`${name} is needed`);
    return value ?? '';
  }

  optionalText(name: string, max: number = TEXT_MAX): string | undefined {
    const raw = this.#present(name);
    if (raw === undefined) return undefined;
    const value = stringOf(raw);
    if (value !== undefined && value.length <= max) return value;
    this.problems.push(`${name} must be text of at most ${max} characters`);
    return undefined;
  }

  flag(name: string): boolean {
    const raw = this.#present(name);
    const kind = raw === undefined ? 'false' : kindOf(raw);
    if (kind !== 'true' && kind !== 'false') this.problems.push(`${name} must be true or false`);
    return kind === 'true';
  }

  /** Milliseconds since the epoch. */
  optionalTime(name: string): Timestamp | undefined {
    const raw = this.#present(name);
    if (raw === undefined) return undefined;
    const value = safeIntegerOf(raw);
    if (value !== undefined && value > 0) return timestamp(value);
    this.problems.push(`${name} must be milliseconds since 1970`);
    return undefined;
  }

  texts(name: string): readonly string[] {
    const raw = this.#present(name);
    const values = raw === undefined ? [] : elements(raw)?.map((item) => stringOf(item));
    if (values !== undefined && values.length <= 64 && values.every((value) => value !== undefined && value.length <= TEXT_MAX)) {
      return values.filter((value) => value !== undefined);
    }
    this.problems.push(`${name} must be a short list of texts`);
    return [];
  }

  /** `null` stands for absent, as JSON writers like to say it. */
  #present(name: string): RawJson | undefined {
    const raw = this.#all.get(name);
    return raw === undefined || kindOf(raw) === 'null' ? undefined : raw;
  }
}
