import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { LOG_LEVELS, NO_CAPABILITIES, type ClientCapabilities } from '../../src/core/capabilities.ts';
import { toRaw } from '../../src/core/json/compose.ts';
import { atLeast, declaredCapabilities, EVERY_CAPABILITY, readCapabilities, readLogLevel } from '../../src/relay/capabilities.ts';
import type { Spoken } from '../../src/relay/versions.ts';
import { raw } from './raw.ts';

const MODERN: Spoken = { era: 'modern', version: '2026-07-28' };
const NOV25: Spoken = { era: 'legacy', version: '2025-11-25' };
const JUN25: Spoken = { era: 'legacy', version: '2025-06-18' };
const MAR25: Spoken = { era: 'legacy', version: '2025-03-26' };
const ALL_ASKS = { elicitation: true, sampling: true, roots: true };

function read(said: object, spoken: Spoken): Partial<ClientCapabilities> {
  return Object.fromEntries(Object.entries(readCapabilities(toRaw(said), spoken)).filter(([, can]) => can));
}

describe('what an agent says it can be asked', () => {
  test('a bare elicitation is a form, in every revision that has elicitation', () => {
    for (const spoken of [JUN25, NOV25, MODERN]) assert.deepEqual(read({ elicitation: {} }, spoken), { elicitForm: true });
    assert.deepEqual(read({ elicitation: {} }, MAR25), {});
  });

  test('a URL alone is no form, and 2025-06-18 has no URLs', () => {
    assert.deepEqual(read({ elicitation: { url: {} } }, MODERN), { elicitUrl: true });
    assert.deepEqual(read({ elicitation: { form: {}, url: {} } }, NOV25), { elicitForm: true, elicitUrl: true });
    assert.deepEqual(read({ elicitation: { form: {}, url: {} } }, JUN25), { elicitForm: true });
  });

  test('tools in sampling exist since 2025-11-25', () => {
    assert.deepEqual(read({ sampling: { tools: {} }, roots: { listChanged: true } }, NOV25), { sampling: true, samplingTools: true, roots: true });
    assert.deepEqual(read({ sampling: { tools: {} } }, JUN25), { sampling: true });
  });

  test('tasks are an extension of the modern era; agents of 2025-11-25 say so with each call', () => {
    const extension = { extensions: { 'io.modelcontextprotocol/tasks': {} } };
    const core = { tasks: { requests: { sampling: { createMessage: {} } } } };
    assert.deepEqual([read(extension, MODERN), read(extension, NOV25), read(core, NOV25), read(core, MODERN), read(core, JUN25)], [{ tasks: true }, {}, {}, {}, {}]);
  });

  test('T139 apps are an extension of every revision, for who shows the one type of page they have; other extensions are not read', () => {
    const apps = (settings: unknown): object => ({ extensions: { 'io.modelcontextprotocol/ui': settings, 'x.example/y': {} } });
    for (const spoken of [JUN25, NOV25, MODERN]) assert.deepEqual(read(apps({ mimeTypes: ['text/x', 'text/html;profile=mcp-app'] }), spoken), { apps: true });
    for (const settings of [{}, { mimeTypes: [] }, { mimeTypes: ['text/html'] }, { mimeTypes: 'text/html;profile=mcp-app' }, true]) assert.deepEqual(read(apps(settings), MODERN), {}, JSON.stringify(settings));
  });

  test('nothing, or what is malformed, was not declared', () => {
    assert.deepEqual(readCapabilities(undefined, MODERN), NO_CAPABILITIES);
    for (const text of ['[]', '"elicitation"', '{"elicitation":true,"sampling":1,"roots":"yes","extensions":[]}']) assert.deepEqual(readCapabilities(raw(text), MODERN), NO_CAPABILITIES, text);
  });
});

describe('what a backend is told of the agent', () => {
  test('what is declared is what both the operator allows and the agent said, for every combination [C2]', () => {
    const asks = fc.record({ elicitation: fc.boolean(), sampling: fc.boolean(), roots: fc.boolean() });
    const agent = fc.record({ elicitForm: fc.boolean(), elicitUrl: fc.boolean(), sampling: fc.boolean(), samplingTools: fc.boolean(), roots: fc.boolean(), tasks: fc.boolean(), apps: fc.boolean() });
    fc.assert(fc.property(asks, agent, (may, can) => {
      assert.deepEqual(readCapabilities(declaredCapabilities(may, can), MODERN), {
        elicitForm: may.elicitation && can.elicitForm,
        elicitUrl: may.elicitation && can.elicitUrl,
        sampling: may.sampling && can.sampling,
        samplingTools: may.sampling && can.sampling && can.samplingTools,
        roots: may.roots && can.roots,
        tasks: can.tasks,
        apps: can.apps,
      });
    }));
  });

  test('leave for a task is the extension, our own tasks are never declared, and nothing is {}', () => {
    assert.equal(declaredCapabilities(ALL_ASKS, NO_CAPABILITIES), '{}');
    assert.equal(declaredCapabilities(ALL_ASKS, { ...NO_CAPABILITIES, tasks: true }), '{"extensions":{"io.modelcontextprotocol/tasks":{}}}');
    assert.doesNotMatch(declaredCapabilities(ALL_ASKS, EVERY_CAPABILITY), /task/);
  });
});

describe('severities', () => {
  test('each is at least itself and all before it', () => {
    for (const [at, level] of LOG_LEVELS.entries()) {
      for (const [other, least] of LOG_LEVELS.entries()) assert.equal(atLeast(level, least), at >= other);
    }
  });

  test('other words are no levels', () => {
    assert.equal(readLogLevel(raw('"warning"')), 'warning');
    for (const text of ['"WARNING"', '"warn"', '4', '""', '"__proto__"']) assert.equal(readLogLevel(raw(text)), undefined, text);
    assert.equal(readLogLevel(undefined), undefined);
  });
});
