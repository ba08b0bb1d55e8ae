// What the process says with its exit status. Public and stable: scripts test these numbers.
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  partial: 3,
  configNotFound: 10,
  configInvalid: 11,
  secretMissing: 12,
  daemonNotRunning: 13,
  addressInUse: 14,
  schema: 15,
  unauthenticated: 20,
  denied: 21,
  auditInvalid: 22,
  confirmationNeeded: 23,
  interrupted: 130,
  terminated: 143,
} as const;

/** One sentence per status, for `sentinel --help` and docs/cli.md. */
export const EXIT_MEANINGS: readonly (readonly [status: number, meaning: string])[] = [
  [EXIT.ok, 'done'],
  [EXIT.failed, 'failed'],
  [EXIT.usage, 'the command line was not understood'],
  [EXIT.partial, 'done in part: warnings, or some backends down'],
  [EXIT.configNotFound, 'no configuration file found'],
  [EXIT.configInvalid, 'the configuration has errors; all of them were printed'],
  [EXIT.secretMissing, 'a secret is missing, unreadable or too weak'],
  [EXIT.daemonNotRunning, 'no gateway answers on the control socket'],
  [EXIT.addressInUse, 'the address to listen on is taken'],
  [EXIT.schema, 'the store has an older or newer schema than this version'],
  [EXIT.unauthenticated, 'authentication failed'],
  [EXIT.denied, 'the explained call would be denied'],
  [EXIT.auditInvalid, 'the audit did not verify'],
  [EXIT.confirmationNeeded, 'a confirmation is needed: answer on a terminal, or pass --yes'],
  [EXIT.interrupted, 'ended at once by SIGINT (Ctrl-C); where the first one ends in order, as in serve, start, stdio, proxy and audit tail, that is 0 and only a second one is this'],
  [EXIT.terminated, 'ended at once by SIGTERM; the same holds'],
];
