// Every revision to every revision, over both transports on either side, between real peers of the official SDKs: each cell of the documented
// matrix is tried, and must come out as it is written.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test, type TestContext } from 'node:test';
import { ROOT } from '../support/e2e/processes.ts';
import { ASKING } from '../fixtures/mcp/offers.ts';
import type { Agent, Said } from './agents.ts';
import { asks, exposedThings, OBSERVE, OWN_THINGS, type Observed, type Things } from './observe.ts';
import { bridgingTables } from './page.ts';
import { FEATURES, REVISIONS, verdict, WAYS, type Able, type BackendSide, type Feature, type Side, type Verdict } from './verdicts.ts';
import { BACKENDS, backendName, SIDES, startWorld, type MatrixWorld } from './world.ts';

const QUESTIONS: readonly Feature[] = ['elicit', 'sample'];

function agrees(expected: Verdict, seen: Observed): boolean {
  switch (expected.kind) {
    case 'ok': return seen.kind === 'ok';
    case 'downgraded': return seen.kind === 'declined' && seen.evidence === expected.said;
    case 'refused': return seen.kind === 'refused' && seen.evidence === expected.said;
  }
}

describe('the matrix of revisions, between the official peers', () => {
  const stack = new AsyncDisposableStack();
  let world: MatrixWorld;
  before(async () => {
    world = stack.use(await startWorld());
  });
  after(async () => stack.disposeAsync());

  /** One agent and one backend, one thing after the other: what does not come out as it is written. */
  async function differences(t: TestContext, peer: Agent, agent: Side, backend: BackendSide, given: { readonly things: Things; readonly able: Able; readonly features: readonly Feature[] }): Promise<readonly string[]> {
    const problems: string[] = [];
    const row: string[] = [];
    for (const feature of given.features) {
      const expected = verdict(agent, backend, feature, given.able);
      const seen = await OBSERVE[feature](peer, given.things).catch((error: unknown): Observed => ({ kind: 'wrong', evidence: String(error) }));
      row.push(`${feature} ${seen.kind}`);
      if (!agrees(expected, seen)) problems.push(`${backend.revision} ${backend.way} ${feature}: it should be ${JSON.stringify(expected)}, and was ${seen.kind} (${seen.evidence})`);
    }
    t.diagnostic(`${backend.revision} ${backend.way}: ${row.join(', ')}`);
    return problems;
  }

  async function held(t: TestContext, agent: Side, able: Able, features: readonly Feature[]): Promise<void> {
    const problems: string[] = [];
    await using peer = await world.agent(agent, able);
    assert.equal(peer.revision, agent.revision);
    for (const backend of BACKENDS) problems.push(...(await differences(t, peer, agent, backend, { things: exposedThings(backendName(backend)), able, features })));
    assert.deepEqual(problems, []);
  }

  test('each backend speaks the revision it is there for', async () => {
    const { backends } = await world.gateway.status();
    assert.deepEqual(new Map(backends.map(({ id, version }) => [String(id), version])), new Map(BACKENDS.map((side) => [backendName(side), side.revision])));
  });

  for (const agent of SIDES) {
    test(`an agent of ${agent.revision} over ${agent.way} gets of each backend what is written`, async (t) => held(t, agent, 'asked', FEATURES));
    test(`an agent of ${agent.revision} over ${agent.way} that declared nothing is never asked, and hears why [S10, SL12]`, async (t) => held(t, agent, 'mute', QUESTIONS));
  }

  for (const revision of REVISIONS) {
    test(`T98 structured output that is no object reaches an agent of ${revision} as its revision has it, and the official client takes it`, async () => {
      await using peer = await world.agent({ revision, way: 'http' }, 'asked');
      // Only who has read the list holds the result to the schema.
      await peer.list();
      for (const way of WAYS) {
        const { kind, text, structured } = await peer.call(`${backendName({ revision: '2026-07-28', way })}__numbers`, {});
        assert.deepEqual([kind, text], ['result', '[1,2,3]']);
        assert.deepEqual(structured, { '2025-03-26': undefined, '2025-06-18': { result: [1, 2, 3] }, '2025-11-25': { result: [1, 2, 3] }, '2026-07-28': [1, 2, 3] }[revision]);
      }
    });
  }

  for (const agent of SIDES) {
    test(`a question that names no call reaches an agent of ${agent.revision} over ${agent.way} while its own is the only one`, async () => {
      await using peer = await world.agent(agent, 'asked');
      for (const backend of BACKENDS) {
        if (backend.revision === '2026-07-28') continue;
        const seen = await asks(peer, `${backendName(backend)}__elicit_aside`, 'elicitation/create', 'accept {"ok":true}');
        assert.ok(agrees(verdict(agent, backend, 'elicit', 'asked'), seen), `${backend.revision} ${backend.way}: ${JSON.stringify(seen)}`);
      }
    });
  }

  for (const agent of SIDES) {
    test(`a prompt and a resource ask an agent of ${agent.revision} over ${agent.way} as tools do`, async () => {
      await using peer = await world.agent(agent, 'asked');
      const expected: Said = agent.revision === '2025-03-26' ? { kind: 'result', text: 'decline' } : { kind: 'result', text: 'accept' };
      for (const backend of BACKENDS) {
        const [name, before] = [backendName(backend), peer.asked.length];
        const answers = [await peer.prompt(`${name}__asking`, {}), await peer.read(`${name}+${ASKING}`)];
        if (agent.revision === '2025-03-26' && backend.revision === '2026-07-28') assert.deepEqual(answers.map(({ kind }) => kind), ['error', 'error']);
        else assert.deepEqual(answers, [expected, expected], `${backend.revision} ${backend.way}`);
        assert.equal(peer.asked.length - before, agent.revision === '2025-03-26' ? 0 : 2);
      }
    });
  }

  for (const revision of REVISIONS) {
    test(`an agent of ${revision} whose stdio is the whole gateway gets of each backend what is written`, async (t) => {
      const problems: string[] = [];
      await using peer = await world.agentAlone(revision);
      for (const backend of BACKENDS) problems.push(...(await differences(t, peer, { revision, way: 'stdio' }, backend, { things: exposedThings(backendName(backend)), able: 'asked', features: FEATURES })));
      assert.deepEqual(problems, []);
    });
  }

  for (const revision of ['2025-11-25', '2026-07-28'] as const) {
    test(`an agent of ${revision} gets the same of each backend on its own endpoint, under its own names`, async (t) => {
      const problems: string[] = [];
      for (const backend of BACKENDS) {
        await using peer = await world.agentOf(revision, backend);
        problems.push(...(await differences(t, peer, { revision, way: 'http' }, backend, { things: OWN_THINGS, able: 'asked', features: FEATURES })));
      }
      assert.deepEqual(problems, []);
    });
  }
});

test('docs/protocol.md shows the matrix that is tested', () => {
  const page = readFileSync(join(ROOT, 'docs/protocol.md'), 'utf8');
  for (const table of bridgingTables()) assert.ok(page.includes(table), `docs/protocol.md lacks:\n${table}`);
});
