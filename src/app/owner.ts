// Whose the state directory is. What another user makes in it, the gateway could not write to any more.
import { existsSync, statSync } from 'node:fs';

/** The number of the user it belongs to, when that is not who runs this. Undefined also where it is not there yet, and where users have no numbers. */
export function otherOwner(stateDir: string): number | undefined {
  const uid = process.geteuid?.();
  if (uid === undefined || !existsSync(stateDir)) return undefined;
  const owner = statSync(stateDir).uid;
  return owner === uid ? undefined : owner;
}
