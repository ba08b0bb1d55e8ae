// The failures that the command line itself can end in. Codes are public; each has a page in docs/errors.
import { EXIT } from './exit.ts';
import type { Fault } from './verb.ts';

export function usageFault(message: string, help?: string): Fault {
  return { exit: EXIT.usage, code: 'SEN-0901', message, help: help ?? 'sentinel --help' };
}

export function unexpectedFault(message: string): Fault {
  return { exit: EXIT.failed, code: 'SEN-0902', message, help: 'this is a defect of sentinel: please report it with the command line' };
}

export function daemonFault(socket: string, detail: string): Fault {
  return { exit: EXIT.daemonNotRunning, code: 'SEN-0903', message: `no gateway answers on ${socket} (${detail})`, help: 'start one: sentinel serve (or ./scripts/start for the demo)' };
}

/** The daemon answered, and said no. */
export function refusedFault(message: string, help?: string): Fault {
  return { exit: EXIT.failed, code: 'SEN-0904', message, help };
}

export function confirmFault(what: string): Fault {
  return { exit: EXIT.confirmationNeeded, code: 'SEN-0905', message: `${what} needs a confirmation`, help: 'answer on a terminal, or pass --yes' };
}

export function tokenFault(message: string, help?: string): Fault {
  return { exit: EXIT.secretMissing, code: 'SEN-0906', message, help: help ?? 'sentinel token issue --help' };
}

export function addressFault(message: string, help?: string): Fault {
  return { exit: EXIT.addressInUse, code: 'SEN-0907', message, help: help ?? 'stop it, or choose another address in the configuration' };
}

export function fileFault(message: string, help?: string): Fault {
  return { exit: EXIT.failed, code: 'SEN-0908', message, help };
}

/** The gateway refused the token itself. */
export function unauthenticatedFault(message: string): Fault {
  return { exit: EXIT.unauthenticated, code: 'SEN-0201', message, help: 'look at it: sentinel token inspect; make a new one: sentinel token issue' };
}
