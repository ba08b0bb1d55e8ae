// CEF as its guide has it, and nothing that it does not allow ("ArcSight Common Event Format", Character Encoding): in a header, a pipe and a backslash are escaped
// by a backslash; in an extension an equals sign and a backslash are, and line feed and carriage return are written `\n` and `\r`. Written without
// looking at what writes it. Throws at the first sign that has no place.

export interface Cef {
  /** Version, vendor, product, version of the product, class of the event, name, severity. */
  readonly header: readonly string[];
  readonly extension: ReadonlyMap<string, string>;
}

const FIELDS = 7;
const IN_HEADER: ReadonlyMap<string, string> = new Map([['|', '|'], ['\\', '\\']]);
const IN_EXTENSION: ReadonlyMap<string, string> = new Map([['=', '='], ['\\', '\\'], ['n', '\n'], ['r', '\r']]);

export function readCef(line: string): Cef {
  if (!line.startsWith('CEF:')) throw new Error('no CEF');
  const control = /[\u0000-\u001f]/.exec(line);
  if (control !== null) throw new Error(`a raw control character at ${control.index}`);
  const header: string[] = [];
  let at = 'CEF:'.length;
  while (header.length < FIELDS) {
    const field = readUntil(line, at, '|', IN_HEADER);
    if (field.end === line.length) throw new Error(`${header.length + 1} fields, and no pipe behind the last`);
    header.push(field.text);
    at = field.end + 1;
  }
  return { header, extension: readExtension(line.slice(at)) };
}

/** Up to an `end` that is not escaped, or the end of all. */
function readUntil(line: string, from: number, end: string, escapes: ReadonlyMap<string, string>): { readonly text: string; readonly end: number } {
  let text = '';
  for (let at = from; at < line.length; at += 1) {
    const sign = line.charAt(at);
    if (sign === end) return { text, end: at };
    if (sign === '\\') {
      at += 1;
      const meant = escapes.get(line.charAt(at));
      if (meant === undefined) throw new Error(`\\${line.charAt(at)} at ${at} means nothing there`);
      text += meant;
    } else text += sign;
  }
  return { text, end: line.length };
}

const KEY = /(?:^| )([A-Za-z0-9_]+)$/;

/** Between two equals signs that are not escaped stand a value, a space, and the next key. */
function readExtension(text: string): ReadonlyMap<string, string> {
  const pairs = new Map<string, string>();
  const cuts: number[] = [];
  for (let at = 0; at < text.length; at += 1) {
    if (text.charAt(at) === '\\') at += 1;
    else if (text.charAt(at) === '=') cuts.push(at);
  }
  const keys = cuts.map((cut, index) => {
    const before = text.slice(index === 0 ? 0 : (cuts[index - 1] ?? 0) + 1, cut);
    const key = KEY.exec(before)?.[1];
    if (key === undefined || (index === 0 && key.length !== before.length)) throw new Error(`an equals sign at ${cut} that no key stands before: ${before.slice(-40)}`);
    return key;
  });
  for (const [index, key] of keys.entries()) {
    const next = keys[index + 1];
    const value = text.slice((cuts[index] ?? 0) + 1, next === undefined ? text.length : (cuts[index + 1] ?? 0) - next.length - 1);
    if (pairs.has(key)) throw new Error(`the key ${key} is there twice`);
    pairs.set(key, readUntil(value, 0, '', IN_EXTENSION).text);
  }
  return pairs;
}
