// Fields of a form by which a server would have a user type a secret: passwords, keys, tokens (SEC44; MCP client/elicitation: servers
// MUST NOT). Words only; what a form means nobody can tell. The whole list stands here.

const WORDS = /\b(?:pass ?words?|passwd|pwd|pass ?phrases?|pass ?codes?|secrets?|credentials?|(?:api|access|private|secret|ssh|signing|encryption) ?keys?|token|recovery codes?|seed phrase)\b/;

/** `format: "password"` is a plain word for it too. */
export function asksForSecret(texts: readonly (string | undefined)[]): boolean {
  return texts.some((text) => text !== undefined && WORDS.test(asWords(text)));
}

/** `apiKey`, `API_KEY` and `api-key` are one name; so are look-alikes that Unicode folds together. */
function asWords(text: string): string {
  return text.slice(0, 512).normalize('NFKC')
    .replaceAll(/([\p{Ll}\d])(\p{Lu})/gu, '$1 $2').replaceAll(/(\p{Lu})(\p{Lu}\p{Ll})/gu, '$1 $2')
    .replaceAll(/[^\p{L}\p{N}]+/gu, ' ').toLowerCase();
}
