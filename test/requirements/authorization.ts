// What is asked of the gateway as an OAuth 2.1 resource server, R; as a client of other authorization servers, O; as one in front of them, P.
import { ALL, type Requirement } from './requirement.ts';

const NO_OAUTH_CLIENT = 'the gateway reaches backends by credentials that the operator gives it: it obtains no token';
const NO_OAUTH_PROXY = 'the gateway is no authorization server, and stands in front of none';

export const RESOURCE_SERVER: readonly Requirement[] = [
  { id: 'R1', where: 'RFC 9728 §2', asked: 'there is a document of the protected resource, and it names the authorization servers', on: 'http', revisions: ALL, lacks: 'with keys of its own alone the gateway names none: there is no server to name' },
  { id: 'R2', where: '2026-07-28 basic/authorization/authorization-server-discovery', asked: 'the 401 says where the document is, and it stands at both well-known paths', on: 'http', revisions: ALL },
  { id: 'R3', where: 'RFC 9728 §3.3', asked: 'its resource is the URL that clients use, in the canonical form', on: 'http', revisions: ALL },
  { id: 'R4', where: '2026-07-28 basic/authorization', asked: 'the token comes in the Authorization header of every request; one in the query is 400', on: 'http', revisions: ALL },
  { id: 'R5', where: '2026-07-28 basic/authorization/security-considerations', asked: 'signature, issuer, times and audience are checked; all else is 401 invalid_token', on: 'http', revisions: ALL },
  { id: 'R6', where: '2026-07-28 basic/authorization', asked: 'no other token is accepted, and none is passed on', on: 'http', revisions: ALL },
  { id: 'R7', where: 'RFC 6750 §3', asked: 'without a token the challenge has the place of the document, the scopes to begin with and no error', on: 'http', revisions: ALL },
  { id: 'R8', where: '2026-07-28 basic/authorization', asked: 'too small a scope is 403 with the scopes that are needed', on: 'http', revisions: ALL },
  { id: 'R9', where: '2026-07-28 basic/authorization', asked: 'a malformed request for authorization is 400', on: 'http', revisions: ALL },
  { id: 'R10', where: '2026-07-28 basic/authorization', asked: 'a scope above another grants it', on: 'http', revisions: ALL },
  { id: 'R11', where: '2026-07-28 basic/authorization', asked: 'the document offers no wildcard, no offline_access, no whole catalogue', on: 'http', revisions: ALL },
  { id: 'R12', where: '2026-07-28 security best practices', asked: 'elevations are recorded with what belongs together', on: 'http', revisions: ALL },
  { id: 'R13', where: '2026-07-28 security best practices', asked: 'what a token claims is not enough: the gateway\'s own policy decides', on: 'both', revisions: ALL },
  { id: 'R14', where: '2026-07-28 basic/authorization', asked: 'keys come over HTTPS; browsers may read the document', on: 'http', revisions: ALL },
  { id: 'R15', where: 'ours', asked: 'no verified token is believed beyond its end or its revocation', on: 'both', revisions: ALL },
  { id: 'R16', where: '2026-07-28 basic/authorization/security-considerations', asked: 'no token is in logs, metrics or on the disk', on: 'both', revisions: ALL },
  { id: 'R17', where: '2026-07-28 basic/authorization', asked: 'on stdio there is no such flow', on: 'stdio', revisions: ALL },
  { id: 'R18', where: 'ext-auth', asked: 'extensions of authorization are advertised where they are supported', on: 'both', revisions: ALL, apart: 'none is supported; that none is advertised is S29' },
  { id: 'R19', where: 'ours', asked: 'a backend\'s challenge never becomes ours', on: 'both', revisions: ALL },
  { id: 'R20', where: '2025-03-26 basic/authorization', asked: 'clients of 2025-03-26 that look for an authorization server at our root are told that there is none', on: 'http', revisions: ['2025-03-26'] },
];

const O: readonly (readonly [where: string, asked: string])[] = [
  ['RFC 9728 §5', 'the document of the backend is found by its challenge, its path and its root, and is of that backend'],
  ['RFC 8414', 'metadata of authorization servers are found in the order that is asked, with the issuer that was asked'],
  ['2026-07-28 basic/authorization/client-registration', 'the client is registered beforehand, by its metadata document, dynamically, or by asking'],
  ['RFC 7636', 'PKCE with S256, or nothing'],
  ['RFC 8707', 'the resource parameter names the backend'],
  ['RFC 9207', 'the issuer of the answer is the one that was asked'],
  ['2026-07-28 basic/authorization', 'credentials belong to their issuer'],
  ['2026-07-28 basic/authorization', 'scopes come from the challenge; step-ups join them and have an end'],
  ['2026-07-28 basic/authorization/security-considerations', 'state is verified, redirects are ours, refresh tokens are kept safe'],
  ['2026-07-28 basic/authorization', 'a token obtained for one backend goes to no other'],
  ['ours', 'backends are reached without passing tokens through'],
  ['2026-07-28 security best practices', 'every URL that is fetched for this is judged'],
];

const P: readonly (readonly [where: string, asked: string])[] = [
  ['2026-07-28 security best practices', 'each client is consented to before the other server is asked'],
  ['2026-07-28 security best practices', 'the page of consent says who asks for what, and cannot be framed or forged'],
  ['2026-07-28 security best practices', 'cookies of consent are bound to this host and this client'],
  ['2026-07-28 security best practices', 'redirects are compared exactly'],
  ['2026-07-28 security best practices', 'state is random, good once and for minutes, and set after consent'],
  ['2026-07-28 basic/authorization/client-registration', 'metadata documents of clients are fetched safely, and their redirect host is shown'],
  ['RFC 9207', 'answers name their issuer'],
];

export const OAUTH_CLIENT: readonly Requirement[] = O.map(([where, asked], at) => ({ id: `O${at + 1}`, where, asked, on: 'http', revisions: ALL, later: NO_OAUTH_CLIENT }));
export const OAUTH_PROXY: readonly Requirement[] = P.map(([where, asked], at) => ({ id: `P${at + 1}`, where, asked, on: 'http', revisions: ALL, later: NO_OAUTH_PROXY }));
