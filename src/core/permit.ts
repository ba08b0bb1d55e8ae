// Proof of admission. A backend accepts nothing else; only pipeline/admit.ts may issue one (held by the architecture test).
import type { Call } from './call.ts';
import type { Trail } from './decision.ts';

class PermitOf {
  readonly #issued = true;
  readonly call: Call;
  readonly trail: Trail;
  readonly revision: number;

  constructor(call: Call, trail: Trail, revision: number) {
    this.call = call;
    this.trail = trail;
    this.revision = revision;
    Object.freeze(this);
  }

  static brands(value: unknown): boolean {
    return typeof value === 'object' && value !== null && #issued in value && value.#issued;
  }
}

/** Type only: the class itself stays in this file, so a look-alike cannot be built elsewhere. */
export type Permit = PermitOf;

export function issuePermit(call: Call, trail: Trail, revision: number): Permit {
  return new PermitOf(call, trail, revision);
}

/** Run-time brand check: a structurally identical object is not a permit. */
export function isPermit(value: unknown): value is Permit {
  return PermitOf.brands(value);
}
