import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { NO_CAPABILITIES, type Question, type QuestionReply } from '../../src/core/capabilities.ts';
import { toRaw } from '../../src/core/json/compose.ts';
import { members } from '../../src/core/json/slice.ts';
import { EVERY_CAPABILITY } from '../../src/relay/capabilities.ts';
import { completedId, completedParams, elicitationIds } from '../../src/relay/elicitation.ts';
import { type Asking, questionFor, refusalReply, replyFor } from '../../src/relay/questions.ts';
import type { Spoken } from '../../src/relay/versions.ts';
import { delicate, raw, SCRIPT } from './raw.ts';

const MODERN: Spoken = { era: 'modern', version: '2026-07-28' };
const NOV25: Spoken = { era: 'legacy', version: '2025-11-25' };
const JUN25: Spoken = { era: 'legacy', version: '2025-06-18' };
const ALL = [MODERN, NOV25, JUN25];

function asking(to: Spoken, how: Partial<Asking> = {}): Asking {
  return { ...to, capabilities: EVERY_CAPABILITY, asks: { elicitation: true, sampling: true, roots: true }, label: 'gh', expose: undefined, elicitationId: 'e-1', ...how };
}

const elicit = (params: string): Question => ({ method: 'elicitation/create', params: raw(params) });
const sample = (params: string): Question => ({ method: 'sampling/createMessage', params: raw(params) });
const ROOTS: Question = { method: 'roots/list', params: undefined };

function put(question: Question, to: Spoken, how: Partial<Asking> = {}): string {
  const read = questionFor(question, asking(to, how));
  return read.ok ? (read.value.params ?? '') : `refused: ${read.error.code}`;
}

const FORM = '{"message":"Merge?","requestedSchema":{"type":"object","properties":{"ok":{"type":"boolean"}}}}';
const URL_QUESTION = '{"mode":"url","elicitationId":"theirs","url":"https://example.com/go?a=1","message":"Sign in"}';
const form = (properties: object): string => JSON.stringify({ message: 'm', requestedSchema: { type: 'object', properties } });

describe('who may ask what', () => {
  test('the operator’s word comes first, then the agent’s', () => {
    for (const question of [elicit(FORM), elicit(URL_QUESTION), sample('{"messages":[]}'), ROOTS]) {
      for (const to of [MODERN, NOV25]) {
        assert.doesNotMatch(put(question, to), /refused/);
        assert.equal(put(question, to, { asks: { elicitation: false, sampling: false, roots: false } }), 'refused: forbidden');
        assert.equal(put(question, to, { capabilities: NO_CAPABILITIES }), 'refused: undeclared');
      }
    }
  });

  test('T84: a form is not for an agent with URLs alone, nor a URL for one with forms alone', () => {
    assert.equal(put(elicit(FORM), MODERN, { capabilities: { ...NO_CAPABILITIES, elicitUrl: true } }), 'refused: undeclared');
    assert.equal(put(elicit(URL_QUESTION), MODERN, { capabilities: { ...NO_CAPABILITIES, elicitForm: true } }), 'refused: undeclared');
  });

  test('a backend hears that users decline, and that programs have no such method', () => {
    const why = { code: 'undeclared', note: '' } as const;
    assert.deepEqual(refusalReply(elicit(FORM), why), { kind: 'result', raw: '{"action":"decline"}' });
    assert.deepEqual(refusalReply(ROOTS, why), { kind: 'error', code: -32601, message: 'Method not found: roots/list' });
    assert.deepEqual(refusalReply(sample('{}'), { code: 'malformed', note: '' }), { kind: 'error', code: -32602, message: 'Invalid params' });
  });
});

describe('forms', () => {
  test('T83: a modern agent is told that it is a form and who asks; ids and tasks of the other hop are gone [C16, SEC35]', () => {
    const text = '{"task":{"ttl":1},"elicitationId":"x","message":"Merge?","requestedSchema":{ "properties":{"ok":{"type":"boolean"}}},"_meta":{"progressToken":1,"a/b":1.0}}';
    assert.equal(put(elicit(text), MODERN), '{"message":"[gh] Merge?","requestedSchema":{ "properties":{"ok":{"type":"boolean"}}},"_meta":{"a/b":1.0},"mode":"form"}');
  });

  test('2025-06-18 knows no mode; 2025-11-25 takes it or leaves it', () => {
    const text = FORM.replace('{', '{"mode":"form",');
    assert.equal(put(elicit(text), JUN25, { label: undefined }), FORM);
    for (const form of [text, FORM]) assert.equal(put(elicit(form), NOV25, { label: undefined }), form);
  });

  test('T75: what fields hold beyond the words of a revision is passed on byte for byte', () => {
    fc.assert(fc.property(delicate, fc.constantFrom(...ALL), (value, to) => {
      const schema = `{ "type":"object","x":${value}, "properties" : { "n" : {"type":"number","minimum":1.0,"x": ${value}} } }`;
      assert.equal(members(raw(put(elicit(`{"message":"m","requestedSchema":${schema}}`), to)))?.get('requestedSchema'), schema);
    }));
  });

  test('titled choices become names for 2025-06-18; choices of several cannot be said there', () => {
    const titled = form({ c: { type: 'string', oneOf: [{ const: 'r', title: 'Red' }, { const: 'g' }] } });
    assert.equal(put(elicit(titled), JUN25, { label: undefined }), form({ c: { type: 'string', enum: ['r', 'g'], enumNames: ['Red', 'g'] } }));
    assert.equal(put(elicit(titled), NOV25, { label: undefined }), titled);
    assert.equal(put(elicit(form({ c: { type: 'string', oneOf: [{ const: 1 }] } })), JUN25), 'refused: unsupported');
    const several = form({ c: { type: 'array', items: { type: 'string', enum: ['a'] } } });
    assert.equal(put(elicit(several), JUN25), 'refused: unsupported');
    assert.doesNotMatch(put(elicit(several), NOV25), /refused/);
  });

  test('what is no flat form, or of another mode, is not asked', () => {
    for (const text of ['{}', '{"message":"m"}', '{"message":1,"requestedSchema":{"properties":{}}}', form({ a: { type: 'object' } }), form({ a: { properties: {} } }), '{"message":"m","requestedSchema":{"properties":{"a":1}}}']) {
      assert.equal(put(elicit(text), MODERN), 'refused: malformed', text);
    }
    assert.equal(put(elicit('{"message":"m","mode":"voice"}'), MODERN), 'refused: unsupported');
    assert.equal(put({ method: 'elicitation/create', params: undefined }, MODERN), 'refused: malformed');
  });

  test('no form has a user type a password, key or token, by name, title or format [SEC44]', () => {
    for (const name of ['password', 'db_password', 'apiKey', 'API-KEY', 'OPENAI_API_KEY', 'github.token', 'accessToken', 'Passphrase', 'clientSecret', 'SSHKey', 'ｐａｓｓｗｏｒｄ']) {
      assert.equal(put(elicit(form({ [name]: { type: 'string' } })), MODERN), 'refused: sensitive', name);
      assert.equal(put(elicit(form({ a: { title: name } })), JUN25), 'refused: sensitive', name);
    }
    assert.equal(put(elicit(form({ a: { type: 'string', format: 'password' } })), NOV25), 'refused: sensitive');
    for (const field of [{ type: 'string', enum: [] }, { type: 'string', oneOf: [] }, { type: 'array', items: { type: 'string' } }, { type: 'array' }]) {
      assert.equal(put(elicit(form({ password: field })), MODERN), 'refused: sensitive', JSON.stringify(field));
    }
  });

  test('what only sounds like a secret is asked: counts, choices, yes or no', () => {
    const harmless = { max_tokens: { type: 'integer' }, token: { type: 'integer' }, secret: { type: 'number' }, keepPassword: { type: 'boolean' }, tokenKind: { type: 'string', enum: ['a'] }, keyword: { type: 'string' }, monkey: { type: 'string' }, author: { type: 'string' }, compass: { type: 'string' } };
    assert.doesNotMatch(put(elicit(form(harmless)), MODERN), /refused/);
  });
});

describe('pages to visit', () => {
  test('T97: an agent of 2025-11-25 gets an id of ours; a modern one none; 2025-06-18 is not asked [C16]', () => {
    assert.equal(put(elicit(URL_QUESTION), NOV25), '{"mode":"url","elicitationId":"e-1","url":"https://example.com/go?a=1","message":"[gh] Sign in"}');
    assert.equal(put(elicit(URL_QUESTION), MODERN), '{"mode":"url","url":"https://example.com/go?a=1","message":"[gh] Sign in"}');
    assert.equal(put(elicit(URL_QUESTION.replace('"elicitationId":"theirs",', '')), NOV25, { label: undefined }), '{"mode":"url","url":"https://example.com/go?a=1","message":"Sign in","elicitationId":"e-1"}');
    assert.equal(put(elicit(URL_QUESTION), JUN25), 'refused: unsupported');
  });

  test('a page goes by two names, or by its backend\'s alone; forms and nameless pages by none [C16]', () => {
    const ids = (to: Spoken, text: string = URL_QUESTION): unknown => elicitationIds(raw(text), raw(put(elicit(text), to)));
    assert.deepEqual(ids(NOV25), { theirs: 'theirs', ours: 'e-1' });
    assert.deepEqual(ids(MODERN), { theirs: 'theirs', ours: undefined });
    assert.equal(ids(NOV25, URL_QUESTION.replace('"elicitationId":"theirs",', '')), undefined);
    assert.equal(ids(NOV25, '{"elicitationId":"x","message":"Merge?","requestedSchema":{"properties":{}}}'), undefined);
    assert.equal(completedId(raw('{"elicitationId":"caf\\u00e9"}')), 'caf\u00e9');
    for (const text of ['{}', '{"elicitationId":7}', '[]']) assert.equal(completedId(raw(text)), undefined);
    assert.equal(completedParams('e"1'), '{"elicitationId":"e\\"1"}');
  });

  test('only https, or http on this machine, and no name before the host [SEC21, SEC45]', () => {
    const at = (url: string): string => put(elicit(JSON.stringify({ mode: 'url', message: 'm', url })), MODERN);
    for (const url of [SCRIPT, 'data:text/html,x', 'file:///etc/passwd', 'http://example.com/', 'https://bank.com@evil.example/', 'https://', 'relative', '', 'vscode://x', `https://a/${'x'.repeat(9000)}`]) assert.equal(at(url), 'refused: unsafe_url', url);
    for (const url of ['https://example.com/a?b#c', 'http://localhost:3000/cb', 'http://127.0.0.1/', 'http://[::1]:80/']) assert.equal(members(raw(at(url)))?.get('url'), JSON.stringify(url));
    assert.equal(put(elicit('{"mode":"url","message":"m","url":7}'), MODERN), 'refused: unsafe_url');
  });

  test('a host in another script stands in ASCII beside the message [SEC45]', () => {
    assert.match(put(elicit('{"mode":"url","message":"m","url":"https://аpple.com/"}'), MODERN), /"message":"\[gh, xn--pple-43d\.com\] m"/);
  });
});

describe('sampling and roots', () => {
  test('no context of other servers goes along [C18, SEC34]', () => {
    for (const context of ['"thisServer"', '"allServers"', '"none"', '7']) {
      for (const to of ALL) assert.equal(put(sample(`{"messages":[],"includeContext":${context},"maxTokens":1.0}`), to), '{"messages":[],"includeContext":"none","maxTokens":1.0}');
    }
    assert.equal(put(sample('{"messages":[]}'), MODERN), '{"messages":[]}');
  });

  test('tools, by name or in a message, are only for agents that declared them', () => {
    const without = { capabilities: { ...EVERY_CAPABILITY, samplingTools: false } };
    const texts = ['{"messages":[],"tools":[]}', '{"messages":[],"toolChoice":{}}', '{"messages":[{"role":"user","content":[{"type":"tool_result","toolUseId":"1","content":[]}]}]}', '{"messages":[{"role":"assistant","content":{"type":"tool_use"}}]}'];
    for (const text of texts) {
      assert.equal(put(sample(text), MODERN, without), 'refused: undeclared', text);
      assert.equal(put(sample(text), MODERN), text);
    }
  });

  test('before 2025-11-25 a message has one block', () => {
    assert.equal(put(sample('{"messages":[{"role":"user","content":[{"type":"text","text":"a","n":1.0}]}]}'), JUN25), '{"messages":[{"role":"user","content":{"type":"text","text":"a","n":1.0}}]}');
    assert.equal(put(sample('{"messages":[{"role":"user","content":[{"type":"text"},{"type":"text"}]}]}'), JUN25), 'refused: unsupported');
    assert.equal(put(sample('{"messages":[{"role":"user","content":[]}]}'), JUN25), 'refused: unsupported');
    assert.equal(put(sample('{"messages":7}'), JUN25), 'refused: malformed');
  });

  test('T134: resources in messages are named as the endpoint names them, in results of tools too', () => {
    const text = '{"messages":[{"role":"user","content":[{"type":"tool_result","content":[{"type":"resource","resource":{"uri":"x:1"}}]}]}]}';
    assert.equal(put(sample(text), NOV25, { expose: (uri) => `gh+${uri}` }), text.replace('x:1', 'gh+x:1'));
  });

  test('a question for roots says nothing else', () => {
    assert.deepEqual(questionFor({ method: 'roots/list', params: raw('{"_meta":{"progressToken":1}}') }, asking(NOV25)), { ok: true, value: ROOTS });
  });

  test('every text is put or refused, never thrown on', () => {
    fc.assert(fc.property(delicate, fc.constantFrom('elicitation/create', 'sampling/createMessage', 'roots/list'), fc.constantFrom(...ALL), (text, method, to) => {
      const read = questionFor({ method, params: raw(`{"message":${text},"requestedSchema":${text},"messages":${text},"mode":${text}}`) }, asking(to));
      assert.equal(typeof read.ok, 'boolean');
    }));
  });
});

describe('answers of agents', () => {
  const reply = (question: Question, text: string, backend: Spoken = NOV25): QuestionReply => replyFor(question, { kind: 'result', raw: raw(text) }, backend);

  test('T151: an answer arrives as it was given, without what belongs to the agent’s hop', () => {
    assert.deepEqual(reply(elicit(FORM), '{"action":"accept","content":{"n":1.0},"resultType":"complete","_meta":{"io.modelcontextprotocol/related-task":1,"a/b":-0}}'), { kind: 'result', raw: '{"action":"accept","content":{"n":1.0},"_meta":{"a/b":-0}}' });
    const roots = raw('{"roots":[ {"uri":"file:///a"} ]}');
    assert.deepEqual(replyFor(ROOTS, { kind: 'result', raw: roots }, MODERN), { kind: 'result', raw: roots });
  });

  test('who declines or cancels gives nothing away', () => {
    for (const action of ['decline', 'cancel']) assert.deepEqual(reply(elicit(FORM), `{"action":"${action}","content":{"a":1}}`), { kind: 'result', raw: `{"action":"${action}"}` });
  });

  test('a list of one block is a block for backends that know no lists', () => {
    const text = '{"role":"assistant","content":[{"type":"text","text":"a"}],"model":"m"}';
    assert.deepEqual(reply(sample('{}'), text, JUN25), { kind: 'result', raw: '{"role":"assistant","content":{"type":"text","text":"a"},"model":"m"}' });
    assert.deepEqual(reply(sample('{}'), text), { kind: 'result', raw: text });
  });

  test('what is no answer is an error, not a guess', () => {
    const bad: readonly (readonly [Question, string])[] = [[elicit(FORM), '{}'], [elicit(FORM), '{"action":"yes"}'], [elicit(FORM), '[]'], [sample('{}'), '{"role":"x"}'], [ROOTS, '{"roots":{}}']];
    for (const [question, text] of bad) assert.equal(reply(question, text).kind, 'error', text);
  });

  test('errors keep codes that mean the same on both sides', () => {
    const codes = [-32602, -32601, -32020, -32000, -1, 7].map((code) => replyFor(ROOTS, { kind: 'error', code, message: 'no' }, NOV25));
    assert.deepEqual(codes.map((one) => one.kind === 'error' && one.code), [-32602, -32601, -32603, -32603, -1, 7]);
    const long = replyFor(ROOTS, { kind: 'error', code: -1, message: 'x'.repeat(5000) }, NOV25);
    assert.ok(long.kind === 'error' && long.message.length < 1100);
  });
});

test('params of ours are valid params again: what was put can be put once more', () => {
  for (const question of [elicit(FORM), elicit(URL_QUESTION), sample(toRaw({ messages: [], includeContext: 'allServers' }))]) {
    const once = put(question, MODERN, { label: undefined });
    assert.equal(put({ ...question, params: raw(once) }, MODERN, { label: undefined }), once);
  }
});
