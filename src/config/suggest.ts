// The word somebody probably meant, among those that would have been right. Pure and bounded.

/** Longer words are no slips of a key, and the cost is the product of the lengths. */
const LONGEST = 64;

/** The nearest candidate within a third of its length (at least one slip). */
export function suggest(word: string, candidates: Iterable<string>): string | undefined {
  if (word.length > LONGEST) return undefined;
  let best: string | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    if (candidate.length > LONGEST) continue;
    const distance = slips(fold(word), fold(candidate));
    if (distance < least) {
      best = candidate;
      least = distance;
    }
  }
  return best !== undefined && least <= Math.max(1, Math.floor(best.length / 3)) ? best : undefined;
}

/** `jwtSecretEnv`, `jwt-secret-env` and `jwt_secret_env` are the same word in three manners. */
function fold(word: string): string {
  return word.replaceAll(/[_-]/g, '').toLowerCase();
}

/** Edits between two words, a swapped pair counting once (optimal string alignment). */
function slips(from: string, to: string): number {
  const table: number[][] = [Array.from({ length: to.length + 1 }, (_, column) => column)];
  const at = (row: number, column: number): number => table[row]?.[column] ?? 0;
  for (let row = 1; row <= from.length; row++) {
    table.push([row]);
    for (let column = 1; column <= to.length; column++) {
      const differs = from[row - 1] === to[column - 1] ? 0 : 1;
      let cost = Math.min(at(row - 1, column) + 1, at(row, column - 1) + 1, at(row - 1, column - 1) + differs);
      const swapped = row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      if (swapped) cost = Math.min(cost, at(row - 2, column - 2) + 1);
      table[row]?.push(cost);
    }
  }
  return at(from.length, to.length);
}
