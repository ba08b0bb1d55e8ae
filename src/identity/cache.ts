// Verified tokens by their SHA-256: bounded, and blind to everything but recency. Whether an entry still counts is asked elsewhere.

export interface TokenCache<T> {
  get(credential: string): T | undefined;
  set(credential: string, entry: T): void;
  delete(credential: string): void;
  size(): number;
}

/** Two generations instead of a list: what was used since the last turn survives the next one, and every step is O(1). Below 2 entries, none. */
export function createTokenCache<T>(entries: number): TokenCache<T> {
  const half = Math.floor(entries / 2);
  let young = new Map<string, T>();
  let old = new Map<string, T>();
  const add = (credential: string, entry: T): void => {
    if (half === 0) return;
    if (young.size >= half && !young.has(credential)) {
      old = young;
      young = new Map();
    }
    young.set(credential, entry);
  };
  return {
    get: (credential) => {
      const entry = young.get(credential);
      if (entry !== undefined) return entry;
      const older = old.get(credential);
      if (older === undefined) return undefined;
      old.delete(credential);
      add(credential, older);
      return older;
    },
    set: (credential, entry) => {
      old.delete(credential);
      add(credential, entry);
    },
    delete: (credential) => {
      young.delete(credential);
      old.delete(credential);
    },
    size: () => young.size + old.size,
  };
}
