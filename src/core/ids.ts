// Branded primitives: a limiter must not take "a number", nor a router "a string".
export type BackendId = string & { readonly __brand: 'BackendId' };
export type RoleName = string & { readonly __brand: 'RoleName' };
/** UUIDv7 of one call; quoted to agents, written to the audit, logged. */
export type CallId = string & { readonly __brand: 'CallId' };
/** Monotonic milliseconds. Windows, breakers and timeouts use this; wall clocks jump. */
export type Instant = number & { readonly __brand: 'Instant' };
/** Wall clock, milliseconds since the epoch. Only for token times and records. */
export type Timestamp = number & { readonly __brand: 'Timestamp' };

export const backendId = (text: string): BackendId => text as BackendId;
export const roleName = (text: string): RoleName => text as RoleName;
export const callId = (text: string): CallId => text as CallId;
export const instant = (ms: number): Instant => ms as Instant;
export const timestamp = (ms: number): Timestamp => ms as Timestamp;
