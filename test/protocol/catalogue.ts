// The 152 cases of the protocol reference, section 6: what is promised for each and which file proves it, or why it cannot be tried yet.
// catalogue.test.ts holds every row to the tests that carry its id.

export type Case =
  /** `file`: below test/, where a test bears the id. `lacks`: what of the case that test does not show, and why. */
  | { readonly id: string; readonly promise: string; readonly file: string; readonly lacks?: string }
  /** What would have to exist first. */
  | { readonly id: string; readonly later: string };

const INGRESS: readonly Case[] = [
  { id: 'T1', promise: 'a modern list says what kind of result it is, how long it keeps, and for whom', file: 'protocol/http-modern.test.ts' },
  { id: 'T2', promise: 'a modern header without the envelope in the body is 400 -32602 with the id', file: 'protocol/http-modern.test.ts' },
  { id: 'T3', promise: 'an envelope without client capabilities is 400 -32602', file: 'protocol/http-modern.test.ts' },
  { id: 'T4', promise: 'an envelope without clientInfo is good', file: 'protocol/http-modern.test.ts' },
  { id: 'T5', promise: 'a version header unlike the body is 400 -32020', file: 'protocol/http-modern.test.ts' },
  { id: 'T6', promise: 'an unknown version in both is 400 -32022 with the supported ones', file: 'protocol/http-modern.test.ts' },
  { id: 'T7', promise: 'a modern body without the version header is 400 -32020', file: 'protocol/http-modern.test.ts' },
  { id: 'T8', promise: 'Mcp-Method is required', file: 'protocol/http-modern.test.ts' },
  { id: 'T9', promise: 'the value of Mcp-Method is exact', file: 'protocol/http-modern.test.ts' },
  { id: 'T10', promise: 'the name of the header Mcp-Method has no case', file: 'protocol/http-modern.test.ts' },
  { id: 'T11', promise: 'an Mcp-Name unlike the body is 400 -32020 and nothing is called', file: 'protocol/http-modern.test.ts' },
  { id: 'T12', promise: 'space around Mcp-Name is no part of it', file: 'protocol/http-modern.test.ts' },
  { id: 'T13', promise: 'the Base64 form of Mcp-Name is read', file: 'protocol/http-modern.test.ts' },
  { id: 'T14', promise: 'a broken Base64 form is 400 -32020', file: 'protocol/http-modern.test.ts' },
  { id: 'T15', promise: 'marks in another case are plain text', file: 'protocol/http-modern.test.ts' },
  { id: 'T16', promise: 'two lines of one Mcp header are 400 -32020', file: 'protocol/http-modern.test.ts' },
  { id: 'T17', promise: 'Mcp-Name of a read is the exposed URI, and the backend\'s own is refused', file: 'protocol/http-modern.test.ts' },
  { id: 'T18', promise: 'an unknown method is 404 -32601', file: 'protocol/http-modern.test.ts' },
  { id: 'T19', promise: 'initialize in a modern envelope is 404 -32601', file: 'protocol/http-modern.test.ts' },
  { id: 'T20', promise: 'ping, setLevel and subscribe do not exist for modern agents', file: 'protocol/http-modern.test.ts' },
  { id: 'T21', promise: 'tasks/* are 404 -32601 where tasks are not offered, and 400 -32021 for who did not declare them', file: 'protocol/cases-whole.test.ts' },
  { id: 'T22', promise: 'a GET without a session is 405', file: 'attack/A10-A20.test.ts' },
  { id: 'T23', promise: 'a DELETE without a session is 405', file: 'attack/A10-A20.test.ts' },
  { id: 'T24', promise: 'an array with a modern request in it is 400 -32600 and nothing of it runs', file: 'protocol/cases-ingress.test.ts' },
  { id: 'T25', promise: 'bytes that are no JSON are 400 -32700, without an id', file: 'protocol/http-modern.test.ts' },
  { id: 'T26', promise: 'an id of null is 400', file: 'protocol/http-modern.test.ts' },
  { id: 'T27', promise: 'a posted response under a modern header is 400', file: 'protocol/cases-ingress.test.ts' },
  { id: 'T28', promise: 'a posted notification is 202 without a body and touches nobody else', file: 'protocol/http-modern.test.ts' },
  { id: 'T29', promise: 'a session id on a modern request means nothing, and none is minted', file: 'attack/A10-A20.test.ts' },
  { id: 'T30', promise: 'Last-Event-ID means nothing, and events have no ids', file: 'protocol/http-modern.test.ts' },
  { id: 'T31', promise: 'a foreign Origin is 403 and executes nothing', file: 'protocol/http-modern.test.ts' },
  { id: 'T32', promise: 'an Origin on the operator\'s list is served', file: 'attack/A01-A08.test.ts' },
  { id: 'T33', promise: 'Origin null is 403', file: 'protocol/http-modern.test.ts' },
  { id: 'T34', promise: 'on loopback a Host that is not ours is refused', file: 'protocol/cases-ingress.test.ts' },
  { id: 'T35', promise: 'a repeated JSON member is refused, so nobody is shown one value and given another', file: 'protocol/http-modern.test.ts' },
  { id: 'T36', promise: 'each request is judged by its own capabilities, also on one connection', file: 'protocol/http-modern.test.ts' },
  { id: 'T37', promise: 'a body over its bound is 413, too many headers are refused before the body is read', file: 'protocol/http-modern.test.ts' },
  { id: 'T38', promise: 'a stream tells proxies not to buffer, and shows life when idle', file: 'protocol/http-modern.test.ts' },
];

const SESSIONS: readonly Case[] = [
  { id: 'T39', promise: 'a legacy initialize is answered in its revision, with an unguessable session and no modern word', file: 'protocol/http-legacy.test.ts' },
  { id: 'T40', promise: 'an initialize with an unknown revision is answered with 2025-11-25', file: 'protocol/http-legacy.test.ts' },
  { id: 'T41', promise: 'an initialize that asks for 2026-07-28 is answered with 2025-11-25', file: 'protocol/http-legacy.test.ts' },
  { id: 'T42', promise: 'a request without a session id is 400', file: 'protocol/http-legacy.test.ts' },
  { id: 'T43', promise: 'an unknown session is 404', file: 'protocol/http-legacy.test.ts' },
  { id: 'T44', promise: 'DELETE ends a session, and its id is unknown from then on', file: 'protocol/http-legacy.test.ts' },
  { id: 'T45', promise: 'another principal\'s token on a session gets the answer of an unknown one', file: 'protocol/http-legacy.test.ts' },
  { id: 'T46', promise: 'a malformed or unsupported version header in a session is 400', file: 'protocol/http-legacy.test.ts' },
  { id: 'T47', promise: 'without the header the negotiated version counts', file: 'protocol/http-legacy.test.ts' },
  { id: 'T48', promise: 'a batch is answered in 2025-03-26 and refused afterwards', file: 'protocol/http-legacy.test.ts' },
  { id: 'T49', promise: 'a dropped legacy connection cancels nothing, notifications/cancelled does', file: 'protocol/http-legacy.test.ts' },
  { id: 'T50', promise: 'a legacy list has no modern member', file: 'protocol/http-legacy.test.ts' },
  { id: 'T51', promise: 'a message of the gateway goes to exactly one of two streams', file: 'protocol/http-legacy.test.ts' },
  { id: 'T52', promise: 'no event of another session can be replayed', file: 'protocol/http-legacy.test.ts' },
  { id: 'T53', promise: 'a response to nothing that was asked is dropped and counted', file: 'attack/A24-A40.test.ts' },
  { id: 'T54', promise: 'an agent without a session that would have to be asked hears so, and nothing hangs', file: 'pipeline/rounds.test.ts' },
];

const STDIO: readonly Case[] = [
  { id: 'T55', promise: 'on stdio a first line of server/discover is answered', file: 'protocol/e2e-stdio.test.ts' },
  { id: 'T56', promise: 'on stdio a first line of initialize is answered', file: 'protocol/e2e-stdio.test.ts' },
  { id: 'T57', promise: 'both eras on one stdio process are each served as their own', file: 'protocol/e2e-stdio.test.ts' },
  { id: 'T58', promise: 'no byte on stdout that is no protocol', file: 'protocol/e2e-stdio.test.ts' },
  { id: 'T59', promise: 'the end of stdin ends the process and everything it started', file: 'protocol/e2e-stdio.test.ts' },
  { id: 'T60', promise: 'on stdio a cancelled call is not answered and is cancelled at its backend', file: 'protocol/e2e-stdio.test.ts' },
  { id: 'T61', promise: 'two listens at once: each notice bears its own id with its type', file: 'protocol/stdio.test.ts' },
  { id: 'T62', promise: 'a line over the bound is refused, and the next ones are served', file: 'protocol/e2e-stdio.test.ts' },
];

const BACKENDS: readonly Case[] = [
  { id: 'T63', promise: 'whatever a legacy child says to server/discover, it is spoken to in its era, on one process', file: 'protocol/e2e-backends.test.ts' },
  { id: 'T64', promise: '-32022 with a version in common is asked again in that version', file: 'protocol/e2e-backends.test.ts' },
  { id: 'T65', promise: '401 to the probe is no evidence of an era', file: 'backends/http.test.ts' },
  { id: 'T66', promise: '503 to the probe is no evidence of an era', file: 'backends/http.test.ts' },
  { id: 'T67', promise: '400 without a body leads to initialize', file: 'backends/http.test.ts' },
  { id: 'T68', promise: 'HTTP+SSE is tried only where the operator says so', file: 'backends/http.sse.test.ts' },
  { id: 'T69', promise: 'a legacy verdict is asked for again when it is old', file: 'backends/http.test.ts' },
  { id: 'T70', promise: 'a backend is asked by its own names, and its own mirror headers are sent', file: 'protocol/e2e-backends.test.ts' },
  { id: 'T71', promise: 'a tool whose header annotations break the rules is left out, the others stay', file: 'backends/http.test.ts' },
  { id: 'T72', promise: '-32020 of a backend leads to one new list and one more try, and stays here', file: 'backends/http.test.ts' },
  { id: 'T73', promise: 'an unknown resultType is an error', file: 'protocol/e2e-backends.test.ts' },
  { id: 'T74', promise: 'an absent resultType is complete', file: 'protocol/e2e-backends.test.ts' },
  { id: 'T75', promise: 'what the gateway does not know is passed on as it came', file: 'backends/contract.ts' },
  { id: 'T76', promise: 'a lost session is opened again, and a call that may have run is not sent twice', file: 'backends/http.test.ts' },
  { id: 'T77', promise: 'an HTTP+SSE endpoint of another origin is refused', file: 'backends/http.sse.test.ts' },
  { id: 'T78', promise: 'a redirect of a backend is not followed', file: 'backends/http.test.ts' },
  { id: 'T79', promise: 'garbage on stdout is dropped and counted, too much of it replaces the child', file: 'fault/neighbours.test.ts' },
  { id: 'T80', promise: 'a request from a modern backend is never executed', file: 'protocol/e2e-backends.test.ts' },
  { id: 'T81', promise: 'a call without an answer times out, is cancelled at the backend, and says so', file: 'protocol/e2e-backends.test.ts' },
  { id: 'T82', promise: 'a child has the allow-listed variables and its own secrets, no others', file: 'e2e/secrets.test.ts' },
];

const BRIDGING: readonly Case[] = [
  { id: 'T83', promise: 'a legacy backend\'s question reaches a modern agent as input_required, and its retry completes the same call', file: 'protocol/cases-questions.test.ts' },
  { id: 'T84', promise: 'an agent that declared nothing is asked nothing, and the call goes on', file: 'pipeline/parking.test.ts' },
  { id: 'T85', promise: 'a bent requestState is refused and the backend not touched', file: 'protocol/cases-questions.test.ts' },
  { id: 'T86', promise: 'a requestState is good once', file: 'protocol/cases-questions.test.ts' },
  { id: 'T87', promise: 'a requestState is good for its principal only', file: 'protocol/cases-questions.test.ts' },
  { id: 'T88', promise: 'a requestState is good for its tool and arguments only', file: 'protocol/cases-questions.test.ts' },
  { id: 'T89', promise: 'a call whose agent does not come back is cancelled, and its state refused', file: 'protocol/cases-questions.test.ts' },
  { id: 'T90', promise: 'a missing answer is asked for again, and only that one', file: 'pipeline/parking.test.ts' },
  { id: 'T91', promise: 'a question that could belong to two calls is put to nobody', file: 'protocol/cases-questions.test.ts' },
  { id: 'T92', promise: 'roots asked for outside of a call come from the configuration, or do not exist', file: 'backends/http.questions.test.ts' },
  { id: 'T93', promise: 'during completion nobody is asked', file: 'pipeline/parking.test.ts' },
  { id: 'T94', promise: '-32042 becomes a question for who can be shown pages, and never reaches a modern agent', file: 'pipeline/rounds.test.ts' },
  { id: 'T95', promise: 'a modern backend\'s question is a request to a legacy agent, and its state comes back byte for byte', file: 'pipeline/rounds.test.ts' },
  { id: 'T96', promise: 'a state alone is asked again for a legacy agent and passed on to a modern one', file: 'pipeline/rounds.test.ts' },
  { id: 'T97', promise: 'a page to visit reaches 2025-11-25 with an id of ours, and nobody before', file: 'pipeline/rounds.test.ts' },
  { id: 'T98', promise: 'structured output that is no object is wrapped for legacy agents, schema and value alike', file: 'matrix/matrix.test.ts' },
  { id: 'T99', promise: 'a resource that is not there has each era\'s own code', file: 'pipeline/objects.test.ts' },
  { id: 'T100', promise: 'log lines reach the request that asked for them, from its level on', file: 'protocol/cases-bridging.test.ts' },
  { id: 'T101', promise: 'a log line that could belong to two calls is told to nobody', file: 'backends/http.questions.test.ts' },
  { id: 'T102', promise: 'equal progress tokens of two agents never cross', file: 'protocol/cases-bridging.test.ts' },
  { id: 'T103', promise: 'progress only rises, and ends with the answer', file: 'protocol/cases-bridging.test.ts' },
  { id: 'T104', promise: 'a cancelled call ends at once and the backend is told', file: 'protocol/cases-bridging.test.ts' },
  { id: 'T105', promise: 'a legacy agent\'s ping is answered while every backend is down', file: 'protocol/cases-whole.test.ts' },
  { id: 'T106', promise: 'a backend\'s ping is answered while the agent is silent', file: 'protocol/e2e-backends.test.ts' },
  { id: 'T107', promise: 'a task is named by a sealed id, in the header too, and nobody else asks after it', file: 'e2e/tasks.test.ts' },
  { id: 'T108', promise: 'who did not ask for tasks never sees one', file: 'protocol/cases-whole.test.ts' },
  { id: 'T109', promise: 'a tool of a legacy server that runs as a task only gives a modern agent a handle, and its result when it has ended', file: 'e2e/tasks.test.ts' },
  { id: 'T110', promise: 'the tasks of 2025-11-25 are no methods of the modern era', file: 'protocol/cases-bridging.test.ts' },
  { id: 'T111', promise: 'a trace is continued with a new span, a malformed one dropped', file: 'protocol/cases-bridging.test.ts' },
  { id: 'T112', promise: 'what an agent says in the gateway\'s or the protocol\'s own _meta names is not passed on', file: 'protocol/cases-whole.test.ts' },
];

const SUBSCRIPTIONS: readonly Case[] = [
  { id: 'T113', promise: 'a listen is acknowledged first, with exactly what is honoured', file: 'pipeline/subscriptions.test.ts' },
  { id: 'T114', promise: 'a listen hears of nothing it did not ask for', file: 'protocol/cases-whole.test.ts' },
  { id: 'T115', promise: 'an update of a part of a followed resource is told under the exposed name', file: 'pipeline/subscriptions.test.ts' },
  { id: 'T116', promise: 'many followers are one subscription at the backend, until the last leaves', file: 'backends/follows.test.ts' },
  { id: 'T117', promise: 'what may not be read is not followed, at opening and at delivery', file: 'pipeline/subscriptions.test.ts' },
  { id: 'T118', promise: 'after a new link everything is followed again, and everybody told once', file: 'backends/follows.test.ts' },
  { id: 'T119', promise: 'at the end of the gateway each listen gets its result, then its stream ends', file: 'protocol/cases-whole.test.ts' },
  { id: 'T120', promise: 'a change notice goes to who sees the change, once', file: 'pipeline/subscriptions.test.ts' },
  { id: 'T121', promise: 'what one token has read is not served to another', file: 'protocol/cases-whole.test.ts' },
  { id: 'T122', promise: 'a merged list is as fresh and as private as the strictest of its parts', file: 'protocol/cases-whole.test.ts' },
  { id: 'T123', promise: 'what was given after a question is not kept for a plain read', file: 'protocol/cases-whole.test.ts' },
  { id: 'T124', promise: 'a negative ttl counts as none, a missing scope as private', file: 'protocol/cases-whole.test.ts' },
];

const AGGREGATION: readonly Case[] = [
  { id: 'T125', promise: 'two tools of one name have a name each, and each reaches its owner', file: 'pipeline/list.test.ts' },
  { id: 'T126', promise: 'another backend renames nobody', file: 'pipeline/list.test.ts' },
  { id: 'T127', promise: 'names that differ only in what is replaced stay two, and stay the same', file: 'pipeline/list.test.ts' },
  { id: 'T128', promise: 'a long name is exposed in 64 characters and reaches the whole one', file: 'pipeline/list.test.ts' },
  { id: 'T129', promise: 'all pages of a backend are read, an empty cursor too, in one order', file: 'protocol/e2e-backends.test.ts' },
  { id: 'T130', promise: 'a cursor that repeats for ever is cut off', file: 'protocol/e2e-backends.test.ts' },
  { id: 'T131', promise: 'a cursor that is bent, another\'s or of another list is refused', file: 'pipeline/list.test.ts' },
  // That the clock says no more is measured by bench/hidden.ts; how it is kept so is shown by pipeline/silence.test.ts.
  { id: 'T132', promise: 'a hidden tool is absent, and answered as an unknown one is, at a moment fixed before it is looked up', file: 'protocol/cases-whole.test.ts' },
  { id: 'T133', promise: 'a URI that climbs is refused before policy, however it is written', file: 'pipeline/objects.test.ts' },
  { id: 'T134', promise: 'URIs in results can be read by the names they bear', file: 'protocol/cases-bridging.test.ts' },
  { id: 'T135', promise: 'completion reaches the backend by its own name, and a hidden prompt is an unknown one', file: 'pipeline/objects.test.ts' },
  { id: 'T136', promise: 'while a backend is down lists say what is known, leave it out, or are an error, as is set; an error where all are down', file: 'protocol/cases-whole.test.ts' },
  { id: 'T137', promise: 'instructions are those of visible backends, bounded and clean', file: 'pipeline/list.test.ts' },
  { id: 'T138', promise: 'an extension the gateway does not bridge is not advertised', file: 'relay/hello.test.ts' },
  { id: 'T139', promise: 'apps are offered on the endpoint of one backend, under its own names, and on the merged endpoint they are not', file: 'e2e/apps.test.ts' },
];

const RESOURCE_SERVER: readonly Case[] = [
  { id: 'T140', promise: 'no token is 401 with the place of the metadata and no error code', file: 'protocol/resource-server.test.ts' },
  { id: 'T141', promise: 'the metadata is public, and its resource is the endpoint\'s public URL', file: 'protocol/resource-server.test.ts' },
  { id: 'T142', promise: 'a wrong token is 401 invalid_token, the same for every cause, and nothing is dispatched', file: 'protocol/resource-server.test.ts' },
  { id: 'T143', promise: 'a token in the query is refused and written down nowhere', file: 'protocol/resource-server.test.ts' },
  { id: 'T144', promise: 'a good token without the scope of a tool is 403 with the scope it needs, and lists go on', file: 'protocol/scopes.test.ts' },
  { id: 'T145', promise: 'a scope above another grants it, and not the reverse', file: 'protocol/scopes.test.ts' },
  { id: 'T146', promise: 'a session id is no credential', file: 'protocol/http-legacy.test.ts' },
  { id: 'T147', promise: 'a backend\'s challenge never reaches an agent', file: 'protocol/cases-whole.test.ts' },
  { id: 'T148', promise: 'an agent\'s token is in no request to a backend and in no log', file: 'e2e/secrets.test.ts' },
  { id: 'T149', promise: 'a long stream ends with its token', file: 'protocol/resource-server.test.ts' },
  { id: 'T150', promise: 'the metadata offers no wildcard and no offline_access', file: 'protocol/resource-server.test.ts' },
];

const FIDELITY: readonly Case[] = [
  { id: 'T151', promise: 'numbers arrive byte for byte, both ways', file: 'protocol/e2e-stdio.test.ts' },
  { id: 'T152', promise: 'unknown members of results and definitions arrive untouched', file: 'protocol/e2e-stdio.test.ts' },
];

export const CATALOGUE: readonly Case[] = [...INGRESS, ...SESSIONS, ...STDIO, ...BACKENDS, ...BRIDGING, ...SUBSCRIPTIONS, ...AGGREGATION, ...RESOURCE_SERVER, ...FIDELITY];
