// The environment of this process, once its secrets were read.

/**
 * What is reported or started later cannot hold them any more. Not all that a process can do against its own user: the text the
 * kernel was given at the start stays in /proc/<pid>/environ, and the values stay in memory (H13).
 */
export function forgetVariables(names: readonly string[]): void {
  for (const name of names) Reflect.deleteProperty(process.env, name);
}
