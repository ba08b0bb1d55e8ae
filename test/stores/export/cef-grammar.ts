// CEF read by the words of its guide ("Implementing ArcSight Common Event Format", version 26), and by nothing that the exporter uses: no package that is
// alive reads the escapes of both header and extension. The golden files were also read with `jc` and compared.

/** Splits at pipes that no backslash precedes; the last field is the extension. */
export function parseCef(line: string): { readonly header: readonly string[]; readonly extension: ReadonlyMap<string, string> } {
  const fields: string[] = [''];
  let at = line.startsWith('CEF:') ? 'CEF:'.length : Number.NaN;
  for (; at < line.length && fields.length < 8; at += 1) {
    const sign = line[at] ?? '';
    const next = line[at + 1] ?? '';
    if (sign === '\\' && (next === '\\' || next === '|')) {
      fields[fields.length - 1] += next;
      at += 1;
    } else if (sign === '|') fields.push('');
    else fields[fields.length - 1] += sign;
  }
  if (fields.length !== 8) throw new Error(`not a CEF line: ${line.slice(0, 100)}`);
  return { header: fields.slice(0, 7), extension: parseExtension(line.slice(at)) };
}

/** A key is a word directly before an equals sign that no backslash precedes; its value reaches to the space before the next key. */
function parseExtension(text: string): ReadonlyMap<string, string> {
  const starts = [...text.matchAll(/(?:^| )([A-Za-z0-9_.]+)=/g)].filter((found) => !isEscaped(text, found.index + found[0].length - 1));
  const pairs = new Map<string, string>();
  for (const [index, found] of starts.entries()) {
    const key = found[1] ?? '';
    if (pairs.has(key)) throw new Error(`the key ${key} is there twice`);
    pairs.set(key, unescaped(text.slice(found.index + found[0].length, starts[index + 1]?.index ?? text.length)));
  }
  return pairs;
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0;
  while (text[at - 1 - backslashes] === '\\') backslashes += 1;
  return backslashes % 2 === 1;
}

const MEANT: Readonly<Record<string, string>> = { n: '\n', r: '\r', '=': '=', '\\': '\\' };

function unescaped(value: string): string {
  return value.replaceAll(/\\([\s\S])/g, (whole, sign: string) => MEANT[sign] ?? whole);
}
