// Regular expressions of others, for the compiler: linear where V8 can, and not refused for a slip that only the `u` flag minds.
// V8's linear engine does not run `u` patterns, so text that has no need of `u` is matched without it (R6).

export interface Matcher {
  test(text: string): boolean;
  /** The compiler keeps patterns apart by this text: two that are alike here are one to it. */
  toString(): string;
}

const NEEDS_UNICODE = /\\[pP]\{|\\u\{/;
const SURROGATE = /[\ud800-\udfff]/;

/** Throws, like RegExp, for what is a pattern in neither mode. */
export function patternOf(source: string): Matcher {
  const unicode = compiled(source, 'u');
  const plain = compiled(source, '');
  if (plain === undefined || (unicode !== undefined && NEEDS_UNICODE.test(source))) return unicode ?? new RegExp(source);
  if (unicode === undefined) return plain;
  // Without surrogates in the text, both modes say the same.
  return { test: (text) => (SURROGATE.test(text) ? unicode : plain).test(text), toString: () => unicode.toString() };
}

function compiled(source: string, flags: string): RegExp | undefined {
  try {
    return new RegExp(source, flags);
  } catch {
    return undefined;
  }
}
