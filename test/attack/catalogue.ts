// The attack cases of blocks A (HTTP), B (tokens), C (authorization) and H (processes, configuration, packages): what is promised for each,
// or why it cannot be tried yet. catalogue.test.ts holds every row to the tests that carry its id.

export type Case =
  /** `lacks`: what of the case the tests that are there do not show, and why. */
  | { readonly id: string; readonly promise: string; readonly lacks?: string }
  /** What would have to exist first. */
  | { readonly id: string; readonly later: string };

const A: readonly Case[] = [
  { id: 'A01', promise: 'a foreign Origin is 403 before anything is dispatched' },
  { id: 'A02', promise: 'Origin null is 403' },
  { id: 'A04', promise: 'a rebound Host is refused before the credential is looked at, on each listener', lacks: 'a console: there is none' },
  { id: 'A06', promise: 'two Host lines are 400' },
  { id: 'A07', promise: 'no Host is 400' },
  { id: 'A08', promise: 'an absolute-form target is 400' },
  { id: 'A10', promise: 'two Authorization lines are 400, never first or last wins' },
  { id: 'A12', promise: 'ambiguous framing is 400, answered once, and the connection closed' },
  { id: 'A13', promise: 'GET and DELETE without a legacy session are 405' },
  { id: 'A14', promise: 'a session id on a modern request means nothing and none is minted' },
  { id: 'A16', promise: 'version header and body that differ are 400 -32020' },
  { id: 'A17', promise: 'an unknown version is 400 -32022 with the supported ones' },
  { id: 'A20', promise: 'Mcp-Name is compared decoded, and refused where it cannot be' },
  { id: 'A23', promise: 'a header made from a value is never split by the value' },
  { id: 'A24', promise: 'an Accept without both types is 406' },
  { id: 'A25', promise: 'what a form or a simple request can send is 415' },
  { id: 'A26', promise: 'nothing of a batch is executed where batches do not exist' },
  { id: 'A29', promise: 'upgrades and tunnels are refused and the socket closed' },
  { id: 'A31', promise: 'paths are compared as sent: nothing is decoded, joined or lower-cased' },
  { id: 'A33', promise: 'closing the answer of a modern call cancels the call' },
  { id: 'A34', promise: 'an id in flight cannot be used a second time in its session' },
  { id: 'A35', promise: 'equal ids of different agents never cross' },
  { id: 'A39', promise: 'one era serves a message, or none' },
  { id: 'A40', promise: 'nobody can answer for another agent' },
];

const NO_GRANTS = 'there are no grants: a token is good until it ends or is revoked, and may be used again';

const B: readonly Case[] = [
  { id: 'B01', promise: 'no token is 401 with the place of the metadata' },
  { id: 'B02', promise: 'garbage and over-long tokens are refused before they are decoded' },
  { id: 'B03', promise: 'alg none is refused in every spelling' },
  { id: 'B04', promise: 'a public key is never used as a shared secret' },
  { id: 'B06', promise: 'a token cannot say how it is checked, and nothing it names is fetched' },
  { id: 'B07', promise: 'only an access token is one' },
  { id: 'B08', promise: 'the audience is ours and nobody else\'s' },
  { id: 'B09', promise: 'the issuer is compared byte for byte' },
  { id: 'B10', promise: 'expired, not yet valid, issued ahead and too long-lived tokens are refused' },
  { id: 'B11', promise: 'times are plain whole numbers' },
  { id: 'B12', promise: 'a claim said twice is refused' },
  { id: 'B15', promise: 'rights are those of now, not those of when the token was issued', lacks: 'ceilings of grants: there are no grants, roles stand for them' },
  { id: 'B16', later: NO_GRANTS },
  { id: 'B17', later: NO_GRANTS },
  { id: 'B18', later: NO_GRANTS },
  { id: 'B19', promise: 'a token id of any length and alphabet costs the same' },
  { id: 'B22', promise: 'from the acknowledgement of a revocation on, nothing it names is accepted', lacks: 'a second gateway on the same database: revocations are not carried over' },
  { id: 'B25', promise: 'a token bound to a key is refused, since its proof cannot be checked', lacks: 'proofs that are good: DPoP is not built' },
  { id: 'B27', promise: 'no other secret opens the endpoint', lacks: 'a token endpoint where an API key would be right: there is none' },
  { id: 'B29', later: 'there is no token endpoint, so no transaction or intent to be exchanged' },
  { id: 'B31', promise: 'who an agent is comes from its token, never from a header', lacks: 'a second tenant: a gateway serves one' },
];

const C: readonly Case[] = [
  { id: 'C01', promise: 'a hidden tool and none at all are one answer' },
  { id: 'C02', promise: 'what roles allow and the token was not granted is 403 with exactly the scope that is missing', lacks: 'grants of one transaction below the token: there are none' },
  { id: 'C03', promise: 'listed and callable are one set' },
  { id: 'C04', promise: 'every method of the SDKs is denied to everybody who may not' },
  { id: 'C05', promise: 'an unknown method is -32601, and inherited names are unknown' },
  { id: 'C06', promise: 'names are exact bytes' },
  { id: 'C07', promise: 'no backend takes over the name of another\'s tool' },
  { id: 'C09', promise: 'references between backends pass as they are and are never followed' },
  { id: 'C13', promise: 'an agent\'s token reaches no backend, a backend\'s credential no agent' },
  { id: 'C14', promise: 'a backend\'s challenge is not relayed' },
  { id: 'C18', later: 'policy has no constraints on arguments; they are held to the schema of the tool itself' },
  { id: 'C20', later: 'agents cannot speak to each other through the gateway' },
  { id: 'C21', later: 'there is no scheduler' },
];

const H: readonly Case[] = [
  { id: 'H01', promise: 'arguments are literal, no shell sees them' },
  { id: 'H02', promise: 'NUL in any text of the configuration is refused' },
  { id: 'H03', promise: 'a program is found once, by absolute folders, never in the working directory' },
  { id: 'H04', promise: 'a child gets a short list of variables, and none that loads code' },
  { id: 'H05', promise: 'no secret becomes an argument' },
  { id: 'H07', promise: 'an ambiguous, unknown or oversize configuration is refused, each fault with its place' },
  { id: 'H09', promise: 'nothing that can be reached while the gateway runs adds or changes a backend' },
  { id: 'H10', promise: 'a child inherits three descriptors' },
  { id: 'H12', promise: 'what a child started ends with it, also after a double fork', lacks: 'a process that leaves its session, clears its environment and changes its limits on purpose: holding it takes a pid namespace or a cgroup of its own (the strict tier)' },
  { id: 'H13', promise: 'a child with a user of its own cannot read the gateway', lacks: 'a child of the same user: Node cannot make itself undumpable, and the strict tier is not built' },
  { id: 'H14', promise: 'no child outlives a gateway that was killed' },
  { id: 'H15', promise: 'packages are few, pinned, and run nothing when they are installed', lacks: 'signatures of the registry and an SBOM: made at release, not here' },
  { id: 'H16', promise: 'a backend with a user of its own cannot change its own program', lacks: 'a folder of its own user\'s, bound read-only: the strict sandbox tier is not built' },
];

export const CATALOGUE: readonly Case[] = [...A, ...B, ...C, ...H];
