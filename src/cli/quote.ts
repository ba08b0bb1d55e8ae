// Words made safe for a POSIX shell and for an authorized_keys line. Pure.

/** One shell word. Plain words stay readable; anything else is single-quoted. */
export function shellWord(word: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

export function shellLine(words: readonly string[]): string {
  return words.map(shellWord).join(' ');
}

/**
 * Value of an authorized_keys option, sshd(8): in double quotes, where only `\"` is an escape. sshd hands the result to the login shell.
 * A line break would end the entry and start another key's; nothing can quote it.
 */
export function authorizedKeysValue(text: string): string | undefined {
  if (/[\u0000-\u001f\u007f]/.test(text)) return undefined;
  return `"${text.replaceAll('"', '\\"')}"`;
}
