import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { members } from '../../src/core/json/slice.ts';
import { exposeUris, type HeldIn } from '../../src/relay/uris-in-results.ts';
import { delicate, raw } from './raw.ts';

const expose = (uri: string): string => `gh+${uri}`;
const seen = (kind: HeldIn, text: string): string => exposeUris(kind, raw(text), expose);

/** A text before and after, written side by side: the rewriting has no other oracle. */
interface Pair { readonly from: string; readonly to: string }

const same = (text: string): Pair => ({ from: text, to: text });
const uriOf: fc.Arbitrary<Pair> = fc.constantFrom('"file:///a"', '"repo:\\/\\/x"', '"x:\\u0041"', '"x:1"').map((from) => ({ from, to: JSON.stringify(expose(String(JSON.parse(from)))) }));

/** Members in a random order, with strange ones between them that must arrive as they are. */
function objectOf(parts: readonly fc.Arbitrary<Pair>[]): fc.Arbitrary<Pair> {
  const strange = fc.uniqueArray(fc.tuple(fc.constantFrom('"x"', '"_meta"', '"annotations"', '"b c"', '"\\u0078\\u0079"'), delicate), { selector: ([key]) => key, maxLength: 3 })
    .map((pairs) => pairs.map(([key, value]) => same(`${key} : ${value}`)));
  return fc.tuple(fc.tuple(...parts), strange)
    .chain(([own, others]) => fc.shuffledSubarray([...own, ...others], { minLength: own.length + others.length }))
    .map((all) => ({ from: `{${all.map(({ from }) => from).join(' , ')}}`, to: `{${all.map(({ to }) => to).join(' , ')}}` }));
}

const member = (key: string, value: fc.Arbitrary<Pair>): fc.Arbitrary<Pair> => value.map(({ from, to }) => ({ from: `${key}:${from}`, to: `${key}:${to}` }));
const fixed = (key: string, text: string): fc.Arbitrary<Pair> => fc.constant(same(`${key}:${text}`));
const list = (item: fc.Arbitrary<Pair>): fc.Arbitrary<Pair> => fc.array(item, { maxLength: 4 })
  .map((items) => ({ from: `[ ${items.map(({ from }) => from).join(',\n')}]`, to: `[ ${items.map(({ to }) => to).join(',\n')}]` }));

const decoy = objectOf([fixed('"type"', '"text"'), fixed('"text"', '"{\\"uri\\":\\"file:///a\\"}"'), fixed('"uri"', '"file:///left"')]);
const unknown = objectOf([fixed('"type"', '"hologram"'), fixed('"uri"', '"file:///left"'), fixed('"resource"', '{"uri":"file:///left"}'), fixed('"content"', '[{"type":"resource_link","uri":"file:///left"}]')]);
const link = objectOf([fixed('"type"', '"resource_link"'), fc.constantFrom('"uri"', '"\\u0075ri"').chain((key) => member(key, uriOf)), fixed('"resource"', '{"uri":"file:///left"}')]);
const embedded = objectOf([fixed('"type"', '"resource"'), member('"resource"', objectOf([member('"uri"', uriOf), fixed('"text"', '"file:///a"')]))]);
const block = fc.oneof(decoy, unknown, link, embedded, delicate.map(same));
const result = objectOf([member('"content"', list(block)), fixed('"structuredContent"', '{"type":"resource_link","uri":"file:///left"}')]);
const toolResult = objectOf([fixed('"type"', '"tool_result"'), member('"content"', list(block))]);
const prompt = objectOf([member('"messages"', list(objectOf([fixed('"role"', '"user"'), member('"content"', fc.oneof(block, toolResult, list(fc.oneof(block, toolResult))))])))]);
const contents = objectOf([member('"contents"', list(fc.oneof(objectOf([member('"uri"', uriOf), fixed('"resource"', '{"uri":"file:///left"}')]), delicate.map(same)))), fixed('"content"', '[{"type":"resource_link","uri":"file:///left"}]')]);

describe('resources in results', () => {
  test('T134: links and embedded resources of tool results are named as the endpoint names them', () => {
    const text = '{"content":[{"type":"resource_link","uri":"file:///a","name":"a"},{"type":"resource","resource":{"uri":"repo://x","text":"file:///a"}}]}';
    assert.equal(seen('tool', text), '{"content":[{"type":"resource_link","uri":"gh+file:///a","name":"a"},{"type":"resource","resource":{"uri":"gh+repo://x","text":"file:///a"}}]}');
  });

  test('T75 T151 T152: nothing else changes by a byte, wherever it stands and whatever it looks like', () => {
    for (const [kind, pairs] of [['tool', result], ['prompt', prompt], ['resource', contents]] as const) {
      fc.assert(fc.property(pairs, ({ from, to }) => { assert.deepEqual([...members(raw(seen(kind, from))) ?? []], [...members(raw(to)) ?? []]); }), { numRuns: 300 });
    }
  });

  test('a key is what it reads, however it is written', () => {
    assert.equal(seen('tool', '{"content":[{"typ\\u0065":"resource_lin\\u006b","\\u0075ri":"x:1"}]}'), '{"content":[{"typ\\u0065":"resource_lin\\u006b","\\u0075ri":"gh+x:1"}]}');
  });

  test('where no resource is named the same slice goes on', () => {
    fc.assert(fc.property(delicate, (text) => {
      const whole = raw(`{ "content" : [ ${text} ], "x": ${text} }`);
      assert.equal(exposeUris('tool', whole, expose), whole);
    }));
  });

  test('links to the web are left for agents to fetch; embedded ones are names and not', () => {
    const link = '{"content":[{"type":"resource_link","uri":"HTTPS://example.com/a"}]}';
    assert.equal(seen('tool', link), link);
    assert.match(seen('tool', '{"content":[{"type":"resource","resource":{"uri":"https://example.com/a"}}]}'), /"gh\+https:\/\/example\.com\/a"/);
  });

  test('a link keeps only icons that hosts may fetch [SEC46]', () => {
    const text = (icons: string): string => `{"content":[{"icons":${icons},"type":"resource_link","uri":"x:1","name":"x"}]}`;
    const good = '{ "src":"https://example.com/i.png"}';
    assert.equal(seen('tool', text(`[${good}, {"src":"file:///etc/passwd"}]`)), text(`[${good}]`).replace('x:1', 'gh+x:1'));
    assert.equal(seen('tool', text(`[ ${good} ]`)), text(`[ ${good} ]`).replace('x:1', 'gh+x:1'));
  });

  test('what is no result of its kind goes on as it is', () => {
    for (const kind of ['tool', 'prompt', 'resource'] as const) {
      for (const text of ['[]', '"uri"', '{"content":{"uri":"x:1"},"messages":"uri","contents":{"uri":"x:1"}}', '{"content":[{"type":"resource_link","uri":7}]}']) assert.equal(seen(kind, text), text);
    }
  });

  test('a list of a million numbers and one link takes one walk, not a value each', () => {
    const numbers = '1,'.repeat(1_000_000);
    const text = `{"content":[${numbers}{"type":"resource_link","uri":"x:1"}]}`;
    assert.equal(seen('tool', text), text.replace('"x:1"', '"gh+x:1"'));
  });
});
