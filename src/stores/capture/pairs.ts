// `{"name":"Authorization","value":"…"}`: headers and environments are often written as such pairs, and the name says whether the value is a secret.

import { QUOTE } from '../../core/json/lex.ts';
import { decodeString, skipValue, walkMembers } from '../../core/json/slice.ts';

export const NAME_KEYS: ReadonlySet<string> = new Set(['name', 'key', 'header', 'variable']);
export const VALUE_KEYS: ReadonlySet<string> = new Set(['value', 'values', 'val']);

const NAME_UNITS = 256;

/** Of the object that begins at `pos`, in whatever order its members stand. A name too long to be looked at is taken for one of a secret. */
export function pairNamesSecret(text: string, pos: number, isSecretKey: (key: string) => boolean): boolean {
  let found = false;
  walkMembers(text, pos, (key, at) => {
    const end = skipValue(text, at);
    if (NAME_KEYS.has(key.toLowerCase()) && text.charCodeAt(at) === QUOTE) found ||= end - at > NAME_UNITS || isSecretKey(decodeString(text.slice(at, end)));
    return end;
  });
  return found;
}
