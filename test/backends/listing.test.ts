import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { BackendReply, BackendFault, BackendOffers } from '../../src/core/ports.ts';
import { type AskPage, readLists, type ReadLists } from '../../src/backends/listing.ts';
import { err, ok, type Result } from '../../src/core/result.ts';
import { json } from './support.ts';

const NOTHING: BackendOffers = { tools: false, prompts: false, resources: false, subscribe: false, completions: false, logging: false, tasks: false, apps: false };
const ALL: BackendOffers = { ...NOTHING, tools: true, prompts: true, resources: true };
const BOUNDS = { listPages: 64, listBytes: 1 << 20 };
const result = (value: unknown): Result<BackendReply, BackendFault> => ok({ kind: 'result', raw: json(value) });

async function read(ask: AskPage, offers: BackendOffers = ALL, bounds = BOUNDS): Promise<ReadLists> {
  const listed = await readLists(ask, offers, bounds);
  assert.ok(listed.ok, JSON.stringify(listed));
  return listed.value;
}

/** Answers each list with one page. */
function pages(lists: Readonly<Record<string, unknown>>): AskPage {
  return (method) => Promise.resolve(method in lists ? result(lists[method]) : ok({ kind: 'error', code: -32601, message: 'no', data: undefined }));
}

test('a list of more tools than anybody has is cut, said so, and not read on', async () => {
  let asked = 0;
  const listed = await read(async () => {
    asked += 1;
    return result({ tools: Array.from({ length: 1_000 }, (_, n) => ({ name: `t${n}`, inputSchema: {} })), nextCursor: `c${asked}` });
  }, { ...NOTHING, tools: true }, { listPages: 64, listBytes: 1 << 30 });
  assert.equal(listed.lists.tools.length, 5_000);
  assert.equal(asked, 5);
  assert.match(listed.notes.join(), /5000 entries or more/);
});

describe('all that a backend lists', () => {
  test('only what it says it offers is asked for [CH12]', async () => {
    const asked: string[] = [];
    await read((method) => {
      asked.push(method);
      return Promise.resolve(result({ prompts: [] }));
    }, { ...NOTHING, prompts: true });
    assert.deepEqual(asked, ['prompts/list']);
  });

  test('each list is kept as it was sent, each page by page', async () => {
    const listed = await read((method, params) => {
      const second = JSON.stringify(JSON.parse(params)) === '{"cursor":""}';
      switch (method) {
        case 'tools/list': return Promise.resolve(result({ tools: [] }));
        case 'prompts/list': return Promise.resolve(result(second ? { prompts: [{ name: 'b', 'x-vendor': 1 }] } : { prompts: [{ name: 'a' }], nextCursor: '' }));
        case 'resources/list': return Promise.resolve(result({ resources: [{ uri: 'file:///a', name: 'a' }] }));
        case 'resources/templates/list': return Promise.resolve(result({ resourceTemplates: [{ uriTemplate: 'file:///{p}', name: 'p' }] }));
      }
    });
    assert.deepEqual(listed.lists, {
      tools: [], prompts: ['{"name":"a"}', '{"name":"b","x-vendor":1}'], resources: ['{"uri":"file:///a","name":"a"}'],
      templates: ['{"uriTemplate":"file:///{p}","name":"p"}'],
    });
  });

  test('malformed entries cost only themselves', async () => {
    const listed = await read(pages({
      'tools/list': { tools: [{ name: 't' }, { name: 'ok', inputSchema: {} }] },
      'prompts/list': { prompts: [{ name: '' }, { name: 'x', arguments: 'many' }, 7, { name: 'ok', arguments: [] }] },
      'resources/list': { resources: [{ uri: 'file:///x' }, { name: 'no uri' }, null, { uri: 'file:///ok', name: 'ok' }] },
      'resources/templates/list': { resourceTemplates: [{ uri: 'wrong member', name: 'x' }, { uriTemplate: 'file:///{ok}', name: 'ok' }] },
    }));
    assert.deepEqual([listed.lists.tools.length, listed.lists.prompts.length, listed.lists.resources.length, listed.lists.templates.length], [1, 1, 1, 1]);
    assert.equal(listed.notes.length, 8);
  });

  test('a list that fails costs only itself and is noted; the tools are the backend', async () => {
    const broken: AskPage = (method) => Promise.resolve(method === 'tools/list' ? result({ tools: [{ name: 'ok', inputSchema: {} }] }) : err({ code: 'timeout', afterMs: 1 }));
    const listed = await read(broken);
    assert.equal(listed.lists.tools.length, 1);
    assert.deepEqual(listed.notes, ['prompts/list: timeout', 'resources/list: timeout', 'resources/templates/list: timeout']);
    const refused = await readLists(pages({ 'prompts/list': { prompts: [] } }), ALL, BOUNDS);
    assert.ok(!refused.ok && refused.error.code === 'protocol', JSON.stringify(refused));
  });

  test('a method the backend does not have after all is an empty list, and no news', async () => {
    const listed = await read(pages({ 'tools/list': { tools: [] }, 'prompts/list': { prompts: [] }, 'resources/list': { resources: [] } }));
    assert.deepEqual(listed.notes, []);
  });

  test('a link that is gone is no empty list', async () => {
    const gone = await readLists((method) => Promise.resolve(method === 'tools/list' ? result({ tools: [] }) : err({ code: 'exited', detail: 'exit code 1' })), ALL, BOUNDS);
    assert.ok(!gone.ok && gone.error.code === 'exited');
  });

  test('the bound of bytes is one for all lists', async () => {
    const long = 'x'.repeat(600);
    const listed = await read(pages({
      'tools/list': { tools: [{ name: 'a', description: long, inputSchema: {} }] }, 'prompts/list': { prompts: [{ name: long }] },
      'resources/list': { resources: [] }, 'resources/templates/list': { resourceTemplates: [] },
    }), ALL, { listPages: 64, listBytes: 1_000 });
    assert.equal(listed.lists.tools.length, 1);
    assert.equal(listed.lists.prompts.length, 0);
    assert.match(listed.notes.join(), /prompts\/list: it is longer than 1000 bytes/);
  });
});
