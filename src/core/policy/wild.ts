// Wildcards in one side of a pattern. Units are compared as they are; no regex, so no backtracking: at most pattern × name steps.

const SLASH = 0x2f;
const STAR = 0x2a;
const QUESTION = 0x3f;

/**
 * Greedy with one restart point, the last `*`. Taking the earliest place for what follows a `*` loses nothing: a `*`
 * cannot cross `/`, so every other place lies in the same segment and leaves less for the rest.
 */
export function wildMatches(glob: string, name: string): boolean {
  let at = 0;
  let from = 0;
  let star = -1;
  let resume = 0;
  while (from < name.length) {
    const code = at < glob.length ? glob.charCodeAt(at) : -1;
    if (code === STAR) {
      star = at;
      resume = from;
      at += 1;
    } else if (code === QUESTION && name.charCodeAt(from) !== SLASH) {
      at += 1;
      from += characterLength(name, from);
    } else if (code === name.charCodeAt(from)) {
      at += 1;
      from += 1;
    } else {
      if (star < 0 || name.charCodeAt(resume) === SLASH) return false;
      resume += characterLength(name, resume);
      at = star + 1;
      from = resume;
    }
  }
  while (at < glob.length && glob.charCodeAt(at) === STAR) at += 1;
  return at === glob.length;
}

/**
 * With two kinds of star, every place that the pattern so far can end at is kept, and each part moves them on: pattern × name steps at
 * most, where one restart point for each kind would try some places again and again.
 */
export function deepMatches(glob: string, name: string): boolean {
  const ends = new Uint8Array(name.length + 1);
  ends[0] = 1;
  for (const part of glob.match(/\*+|\?|[^*?]+/g) ?? []) {
    const first = ends.indexOf(1);
    if (first < 0) return false;
    if (part.startsWith('**')) ends.fill(1, first);
    else if (part === '*') spread(ends, name);
    else if (part === '?') step(ends, name);
    else shift(ends, name, part);
  }
  return ends[name.length] === 1;
}

/** `*`: from each end on to the next `/`. */
function spread(ends: Uint8Array, name: string): void {
  for (let at = 0; at < name.length; at += 1) if (ends[at] === 1 && name.charCodeAt(at) !== SLASH) ends[at + characterLength(name, at)] = 1;
}

/** `?`. From the back, so that an end is not moved twice. */
function step(ends: Uint8Array, name: string): void {
  for (let at = name.length; at >= 0; at -= 1) {
    if (ends[at] !== 1) continue;
    ends[at] = 0;
    if (at < name.length && name.charCodeAt(at) !== SLASH) ends[at + characterLength(name, at)] = 1;
  }
}

function shift(ends: Uint8Array, name: string, literal: string): void {
  for (let at = name.length; at >= 0; at -= 1) {
    if (ends[at] !== 1) continue;
    ends[at] = 0;
    if (name.startsWith(literal, at)) ends[at + literal.length] = 1;
  }
}

/** `?` is one character as people count them, not half an emoji. */
function characterLength(text: string, at: number): number {
  return (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
}
