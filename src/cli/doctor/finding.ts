// What a check of `doctor` says. Pure.

export type Finding =
  | { readonly state: 'ok'; readonly note: string }
  /** There was nothing to look at. */
  | { readonly state: 'skipped'; readonly note: string }
  | { readonly state: 'warning' | 'error'; readonly note: string; readonly remedy: string };

export interface Check {
  /** kebab-case; public, like a flag. */
  readonly name: string;
  readonly run: () => Promise<Finding>;
}

export const good = (note: string): Finding => ({ state: 'ok', note });
export const skipped = (note: string): Finding => ({ state: 'skipped', note });
export const warning = (note: string, remedy: string): Finding => ({ state: 'warning', note, remedy });
export const failure = (note: string, remedy: string): Finding => ({ state: 'error', note, remedy });

/** The worst of several looks at one thing. */
export function worst(findings: readonly Finding[], allWell: string): Finding {
  return findings.find((one) => one.state === 'error') ?? findings.find((one) => one.state === 'warning') ?? good(allWell);
}
