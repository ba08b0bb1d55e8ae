// Recognises secrets by their shape, wherever they stand in a text, and masks them. Patterns are linear: no nested repetition, no two ways to read one run.

export const MASK = '[redacted]';

/** Longer than any token these patterns know; a text is cut only this far behind the cap, so that none escapes by being cut in two. */
export const LONGEST_SECRET = 8192;

const SHAPES: readonly RegExp[] = [
  // PEM private keys, to their end or the end of the text.
  /-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY-----(?:(?!-----END )[\s\S])*(?:-----END [A-Z0-9 ]{0,30}PRIVATE KEY-----)?/g,
  // Authorization header values.
  /\b(?:bearer|basic|digest|negotiate)\s+[A-Za-z0-9+/=_.~-]{8,}/gi,
  // Keys with a vendor's prefix.
  /\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b/g,
  /\bgh[pousr]_[A-Za-z0-9]{16,}/g,
  /\bgithub_pat_[A-Za-z0-9_]{16,}/g,
  /\bgl(?:pat|dt|ft|rt|soat)-[A-Za-z0-9_-]{16,}/g,
  /\bxox[a-z]-[A-Za-z0-9-]{10,}/g,
  /\b(?:sk|rk|pk|whsec)[_-][A-Za-z0-9_-]{16,}/g,
  /\bAIza[A-Za-z0-9_-]{30,}/g,
  /\bya29\.[A-Za-z0-9_-]{16,}/g,
  /\b(?:npm|hf|dop_v1|pypi|shpat|shpss|glsa|dapi|tskey|hvs|hvb)[_.-][A-Za-z0-9_.-]{16,}/g,
  // The password in a URL.
  /(?<=:\/\/[^\s/?#:@]{0,128}:)[^\s/?#@]{1,1024}(?=@)/g,
  // `password=…`, `"api_key": "…"`, also inside text that is itself JSON, a query or a shell line.
  /(?<=(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|authorization|credential|cookie)s?\\?["']?\s{0,4}[:=]\s{0,4}\\?["']?)[^\s"',;&\\]{4,1024}/gi,
];

// One cheap look decides for most texts: nothing above matches a text without one of these.
const HINT = /PRIVATE KEY|bearer|basic|digest|negotiate|eyJ|A[KSBC][IC]A|gh[pousr]_|github_pat|gl(?:pat|dt|ft|rt|soat)-|xox|[srp]k[_-]|whsec|AIza|ya29|npm[_.-]|hf[_.-]|dop_v1|pypi|shp|glsa|dapi|tskey|hv[sb]|:\/\/|passw|passphrase|secret|token|(?:api|access|private)[_-]?key|authorization|credential|cookie/i;

/** False: the text, or any text that it quotes, surely holds no secret of a known shape. */
export function maySecret(text: string): boolean {
  return HINT.test(text);
}

export function maskSecrets(text: string): string {
  if (!maySecret(text)) return text;
  const whole = text.includes('eyJ') ? text.replaceAll(DOTTED, maskTokens) : text;
  return SHAPES.reduce((masked, shape) => masked.replaceAll(shape, MASK), whole);
}

/** Begins only where a word begins: tried at each `eyJ` inside one, a long word of them would be read to its end from every place. */
const DOTTED = /(?<![\w-])[\w-]+(?:\.[\w-]*)+/g;
const TOKEN_START = /(?:^|-)(?=eyJ)/;
const PART_LEAST = 6;

/** JSON Web Tokens: `{"` in base64url is always eyJ. Header, payload and, where there is one, signature. */
function maskTokens(word: string): string {
  const parts = word.split('.');
  const kept: string[] = [];
  for (let at = 0; at < parts.length; at += 1) {
    const part = parts[at] ?? '';
    const found = TOKEN_START.exec(part);
    const start = found === null ? part.length : found.index + found[0].length;
    const isToken = part.length - start >= 'eyJ'.length + PART_LEAST && (parts[at + 1] ?? '').length >= PART_LEAST;
    kept.push(isToken ? `${part.slice(0, start)}${MASK}` : part);
    if (isToken) at += 2;
  }
  return kept.join('.');
}

/** Case and separators do not matter: `Api-Key` is `api_key` is `apikey`. */
export function keyMatcher(words: readonly string[]): (key: string) => boolean {
  const plain = words.map(bare).filter((word) => word !== '');
  return (key) => {
    const name = bare(key);
    return plain.some((word) => name.includes(word));
  };
}

function bare(word: string): string {
  return word.toLowerCase().replaceAll(/[\s_.-]/g, '');
}
