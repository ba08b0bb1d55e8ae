// JSON of an older store, which anybody may have written to, as a member of a record: valid, on one line, and of the kind that readers expect.
import { BACKEND_LIMITS, type RawJson } from '../../core/json/raw.ts';
import { scan } from '../../core/json/scan.ts';
import { kindOf } from '../../core/json/slice.ts';
import { storable } from '../../core/text.ts';
import { tameNumber } from '../tame-number.ts';

const MOST_UNITS = 2 ** 20;
/** Not what is visible already, with two backslashes. */
const ESCAPED_UNSTORABLE = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/i;

/** What is none, or not of this kind, stands in it as a text. */
export function jsonMember(text: string, kind: 'array' | 'object'): RawJson {
  const raw = text.length > MOST_UNITS ? undefined : storableJson(text);
  return raw !== undefined && kindOf(raw) === kind ? raw : textIn(text, kind);
}

function storableJson(text: string): RawJson | undefined {
  const scanned = scan(text, BACKEND_LIMITS);
  if (!scanned.ok) return undefined;
  const again = scan(plain(scanned.value), BACKEND_LIMITS);
  return again.ok ? again.value : undefined;
}

/** Strings, numbers, and white space between them. */
const LEXEME = /"(?:[^"\\]|\\.)*"|[-0-9][-+.0-9eE]*|\s+/g;

/** Lexeme by lexeme: what every database takes stays as it was written. */
function plain(raw: RawJson): string {
  return raw.replaceAll(LEXEME, (lexeme) => {
    if (!lexeme.startsWith('"')) return lexeme.trim() === '' ? '' : tameNumber(lexeme);
    return ESCAPED_UNSTORABLE.test(lexeme) ? JSON.stringify(storable(String(JSON.parse(lexeme)))) : lexeme;
  });
}

function textIn(text: string, kind: 'array' | 'object'): RawJson {
  const said = storable(text.slice(0, MOST_UNITS / 16).toWellFormed());
  const made = scan(JSON.stringify(kind === 'array' ? [said] : { unreadable: said }), BACKEND_LIMITS);
  if (!made.ok) throw new Error('JSON of our own making does not scan');
  return made.value;
}
