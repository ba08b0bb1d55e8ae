// `{"name":"Authorization","value":"…"}`: headers and environments are often written as such pairs, and the name says whether the value is a secret.

export const NAME_KEYS: ReadonlySet<string> = new Set(['name', 'key', 'header', 'variable']);
export const VALUE_KEYS: ReadonlySet<string> = new Set(['value', 'values', 'val']);
