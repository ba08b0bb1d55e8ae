import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type ClientCapabilities, NO_CAPABILITIES } from '../../src/core/capabilities.ts';
import { members } from '../../src/core/json/slice.ts';
import { EVERY_CAPABILITY } from '../../src/relay/capabilities.ts';
import { type BackendError, errorFor, type ErrorContext, type RelayedError, unknownName, urlQuestions } from '../../src/relay/errors.ts';
import type { Asking } from '../../src/relay/questions.ts';
import type { Spoken } from '../../src/relay/versions.ts';
import { delicate, raw, SCRIPT } from './raw.ts';

const MODERN: Spoken = { era: 'modern', version: '2026-07-28' };
const NOV25: Spoken = { era: 'legacy', version: '2025-11-25' };
const JUN25: Spoken = { era: 'legacy', version: '2025-06-18' };
const ALL = [MODERN, NOV25, JUN25];

function error(code: number, message = 'no', data?: string): BackendError {
  return { kind: 'error', code, message, data: data === undefined ? undefined : raw(data) };
}

function told(answer: BackendError, kind: ErrorContext['kind'], to: Spoken, how: Partial<Asking> = {}): RelayedError {
  const asking: Asking = { ...to, capabilities: EVERY_CAPABILITY, asks: { elicitation: true, sampling: false, roots: false }, label: 'gh', expose: (uri) => `gh+${uri}`, elicitationId: 'e', ...how };
  return errorFor(answer, { kind, exposed: 'gh+x:1', callId: 'c-1', asking });
}

const codeOf = (made: RelayedError): number | string => (made.kind === 'error' ? made.code : made.kind);

describe('what is not there', () => {
  test('T99: a resource that is gone has the code of the agent’s revision, fixed words and the URI as the agent wrote it [S26, C15]', () => {
    const gone = [error(-32002, 'gone: x:1', '{"uri":"x:1"}'), error(-32602, 'Resource not found: x:1'), error(-32602, 'bad', '{"uri":"x:1"}'), error(-32601, 'Method not found')];
    for (const answer of gone) {
      assert.deepEqual(told(answer, 'resource', MODERN), { kind: 'error', code: -32602, message: 'Resource not found', data: '{"uri":"gh+x:1"}' });
      for (const to of [NOV25, JUN25]) assert.deepEqual(told(answer, 'resource', to), { kind: 'error', code: -32002, message: 'Resource not found', data: '{"uri":"gh+x:1"}' });
    }
  });

  test('C01: hidden, unknown and gone are the same answer, for every kind', () => {
    for (const { era, version } of ALL) {
      for (const [kind, code] of [['tool', -32601], ['prompt', -32601], ['resource', -32002]] as const) {
        assert.deepEqual(told(error(code), kind, { era, version }), { kind: 'error', ...unknownName(kind, 'gh+x:1', era) });
      }
    }
    assert.deepEqual(unknownName('tool', 'x', 'legacy'), { code: -32602, message: 'Unknown tool: x', data: undefined });
    assert.deepEqual(unknownName('prompt', 'x', 'modern'), { code: -32602, message: 'Unknown prompt: x', data: undefined });
  });

  test('names of megabytes are not repeated', () => {
    assert.ok(unknownName('tool', 'x'.repeat(1e6), 'modern').message.length < 200);
    assert.ok((unknownName('resource', 'x'.repeat(1e6), 'modern').data?.length ?? 0) < 10_000);
  });

  test('other faults of params stay what they are', () => {
    assert.deepEqual(told(error(-32602, 'bad range', '{"min":1.0}'), 'resource', NOV25), { kind: 'error', code: -32602, message: 'bad range', data: '{"min":1.0}' });
    assert.equal(codeOf(told(error(-32002), 'tool', NOV25)), -32603);
  });
});

describe('codes of one hop', () => {
  test('4.17: none of them reaches an agent, of any era and for any kind [S26, SEC51]', () => {
    fc.assert(fc.property(fc.integer({ min: -32768, max: -32000 }), fc.constantFrom('tool', 'prompt', 'resource', 'completion'), fc.constantFrom(...ALL), (code, kind, to) => {
      const made = told(error(code), kind, to);
      const own = made.kind === 'error' ? [-32602, -32600, -32603, ...(kind === 'resource' && to.era === 'legacy' ? [-32002] : [])] : [];
      assert.ok(made.kind === 'tool_error' || own.includes(made.code), `${code} became ${codeOf(made)}`);
    }));
  });

  test('an application’s own code passes with its words and data, byte for byte', () => {
    fc.assert(fc.property(fc.oneof(fc.integer({ min: -31999 }), fc.integer({ max: -32769 })), delicate, (code, value) => {
      const made = told(error(code, 'own', `{"a":${value},"sentinel":{}}`), 'tool', MODERN, { expose: undefined });
      assert.deepEqual(made, { kind: 'error', code, message: 'own', data: `{"a":${value}}` });
    }));
  });

  test('an error without data says which call it was; nobody but us writes that', () => {
    assert.deepEqual(told(error(7), 'prompt', NOV25), { kind: 'error', code: 7, message: 'no', data: '{"sentinel":{"callId":"c-1"}}' });
    assert.deepEqual(told(error(7, 'no', '"text"'), 'prompt', NOV25), { kind: 'error', code: 7, message: 'no', data: '"text"' });
  });

  test('T134: a URI in the data of an error is named as the endpoint names it', () => {
    assert.deepEqual(told(error(7, 'no', '{"uri":"x:2"}'), 'tool', NOV25), { kind: 'error', code: 7, message: 'no', data: '{"uri":"gh+x:2"}' });
  });
});

describe('-32021', () => {
  const needs = (what: string): BackendError => error(-32021, 'needs', `{"requiredCapabilities":${what}}`);

  test('a capability that the agent lacks and the operator allows is told as it is needed; a tool of a 2025 agent says it in words [S10]', () => {
    const none = { capabilities: NO_CAPABILITIES };
    for (const kind of ['tool', 'prompt', 'resource'] as const) {
      assert.deepEqual(told(needs('{"elicitation":{"form":{}}}'), kind, MODERN, none), { kind: 'error', code: -32021, message: 'Missing required client capability', data: '{"requiredCapabilities":{"elicitation":{"form":{}}}}' });
    }
    assert.equal(codeOf(told(needs('{"elicitation":{}}'), 'tool', NOV25, none)), 'tool_error');
    assert.equal(codeOf(told(needs('{"elicitation":{}}'), 'prompt', NOV25, none)), -32603);
  });

  test('what the operator does not let this backend ask for, and what the agent did declare, is no lack of the agent', () => {
    for (const what of ['{"sampling":{}}', '{"roots":{}}', '{"elicitation":{},"sampling":{}}', '{"tasks":{}}', '{}']) assert.equal(codeOf(told(needs(what), 'tool', MODERN, { capabilities: NO_CAPABILITIES })), -32603, what);
    assert.equal(codeOf(told(needs('{"elicitation":{}}'), 'tool', MODERN)), -32603);
    assert.equal(codeOf(told(error(-32021), 'tool', MODERN, { capabilities: NO_CAPABILITIES })), -32603);
  });

  test('4.17: it is the mode that counts: who declared forms and is asked for one lacks nothing, whatever else it did not declare', () => {
    const all = { elicitation: true, sampling: true, roots: true };
    const cases: readonly (readonly [string, Partial<ClientCapabilities>, number])[] = [
      ['{"elicitation":{"form":{}}}', { elicitForm: true }, -32603],
      ['{"elicitation":{}}', { elicitForm: true }, -32603],
      ['{"elicitation":{"url":{}}}', { elicitForm: true }, -32021],
      ['{"elicitation":{"form":{},"url":{}}}', { elicitForm: true }, -32021],
      ['{"elicitation":{"url":{}}}', { elicitUrl: true }, -32603],
      ['{"elicitation":{}}', { elicitUrl: true }, -32021],
      ['{"sampling":{}}', { sampling: true }, -32603],
      ['{"sampling":{"tools":{}}}', { sampling: true }, -32021],
      ['{"sampling":{"tools":{}}}', { sampling: true, samplingTools: true }, -32603],
      // Of several, one that is there does not hide one that is not.
      ['{"elicitation":{},"roots":{}}', { elicitForm: true }, -32021],
      // No agent can declare what no backend is told of.
      ['{"elicitation":{"voice":{}}}', {}, -32603],
      ['{"sampling":{"context":{}}}', {}, -32603],
    ];
    for (const [what, has, code] of cases) assert.equal(codeOf(told(needs(what), 'tool', MODERN, { asks: all, capabilities: { ...NO_CAPABILITIES, ...has } })), code, `${what} of ${JSON.stringify(has)}`);
  });

  test('T108 a tool that runs as a task only says so to who takes none, and is no lack of who does', () => {
    const tasks = needs('{"extensions":{"io.modelcontextprotocol/tasks":{}}}');
    const none = { capabilities: NO_CAPABILITIES };
    assert.deepEqual(told(tasks, 'tool', MODERN, none), { kind: 'error', code: -32021, message: 'Missing required client capability', data: '{"requiredCapabilities":{"extensions":{"io.modelcontextprotocol/tasks":{}}}}' });
    assert.equal(codeOf(told(tasks, 'tool', MODERN, { capabilities: { ...NO_CAPABILITIES, tasks: true } })), -32603);
    assert.deepEqual(told(tasks, 'tool', NOV25, none), { kind: 'tool_error', text: 'This tool runs as a task only: it has to be called as one.' });
    assert.equal(codeOf(told(needs('{"extensions":{"com.example/other":{}}}'), 'tool', MODERN, none)), -32603);
  });

  test('a 2025 agent reads which mode its tool needs', () => {
    const made = told(needs('{"elicitation":{"url":{}}}'), 'tool', NOV25, { capabilities: { ...NO_CAPABILITIES, elicitForm: true } });
    assert.deepEqual(made, { kind: 'tool_error', text: 'This needs a client that can be asked for: elicitation (url).' });
  });
});

describe('-32042', () => {
  const page = (url: string): string => `{"mode":"url","elicitationId":"theirs","url":"${url}","message":"Sign in"}`;
  const required = error(-32042, 'go', `{"elicitations":[${page('https://a.example/')},${page('https://b.example/')}]}`);

  test('T94: it is said again only to an agent of 2025-11-25 that declared URLs, with our ids and whose page it is', () => {
    const made = told(required, 'tool', NOV25);
    assert.equal(codeOf(made), -32042);
    assert.equal(made.kind === 'error' && made.data, '{"elicitations":[{"mode":"url","elicitationId":"e","url":"https://a.example/","message":"[gh] Sign in"},{"mode":"url","elicitationId":"e.1","url":"https://b.example/","message":"[gh] Sign in"}]}');
  });

  test('it says which of its pages is which, for the time when a visit is over [C16]', () => {
    const made = told(required, 'tool', NOV25);
    assert.deepEqual(made.kind === 'error' && made.pages, [{ theirs: 'theirs', ours: 'e' }, { theirs: 'theirs', ours: 'e.1' }]);
    const nameless = told(error(-32042, 'go', '{"elicitations":[{"mode":"url","url":"https://a.example/","message":"Sign in"}]}'), 'tool', NOV25);
    assert.deepEqual(nameless.kind === 'error' && [nameless.code, nameless.pages], [-32042, []]);
  });

  test('T94: others get a tool error, or a plain one where there are no tool errors', () => {
    const cases: readonly (readonly [Spoken, Partial<Asking>])[] = [[MODERN, {}], [JUN25, {}], [NOV25, { capabilities: NO_CAPABILITIES }], [NOV25, { asks: { elicitation: false, sampling: false, roots: false } }]];
    for (const [to, how] of cases) {
      assert.equal(codeOf(told(required, 'tool', to, how)), 'tool_error');
      assert.equal(codeOf(told(required, 'prompt', to, how)), -32603);
      assert.doesNotMatch(JSON.stringify(told(required, 'tool', to, how)), /example/);
    }
  });

  test('one page that must not be shown takes the others with it', () => {
    assert.equal(codeOf(told(error(-32042, 'go', `{"elicitations":[${page('https://a.example/')},${page(SCRIPT)}]}`), 'tool', NOV25)), 'tool_error');
  });

  test('its questions can be read, and nothing else passes for them', () => {
    assert.deepEqual(urlQuestions(required)?.map(({ method, params }) => [method, members(params)?.get('url')]), [['elicitation/create', '"https://a.example/"'], ['elicitation/create', '"https://b.example/"']]);
    for (const data of [undefined, '{}', '{"elicitations":[]}', '{"elicitations":{}}', '{"elicitations":[7]}', '{"elicitations":[{"mode":"form"}]}', `{"elicitations":[${Array.from({ length: 17 }, () => page('https://a.example/')).join(',')}]}`]) {
      assert.equal(urlQuestions(error(-32042, 'go', data)), undefined, data);
    }
    assert.equal(urlQuestions({ ...required, code: -32041 }), undefined);
  });
});
