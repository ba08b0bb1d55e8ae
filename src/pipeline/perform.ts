// What is done with an admitted call at its backend, and what the backend's answer leads to beside a result: questions, or a task.
import type { TaskCall } from '../core/call.ts';
import type { Permit } from '../core/permit.ts';
import type { Backend, BackendFault } from '../core/ports.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { BackendSettings } from '../core/settings.ts';
import { detached } from '../core/text.ts';
import { requiresTasksAlone } from '../relay/errors.ts';
import { taskPermit, waitingPermit } from './admit.ts';
import { faultHealth, healthOf } from './attempt.ts';
import type { PipelineDeps } from './deps.ts';
import { killOf, type Performed } from './dispatch.ts';
import type { Case, MakeIo } from './make.ts';
import { spokenBy } from './questions/asking.ts';
import { askForPages, passOn, type Passing } from './questions/passed.ts';
import { callWithRounds } from './questions/rounds.ts';
import { screen, type Screened } from './screen.ts';
import { carry } from './tasks/carry.ts';
import { endUnheard, taskAwaited, taskCreated, taskHosted } from './tasks/created.ts';

export interface Admitted extends Case {
  readonly permit: Permit;
}

export interface Sending extends Admitted {
  readonly backend: Backend;
  readonly settings: BackendSettings;
}

export function perform(sending: Sending, io: MakeIo, deps: PipelineDeps): Promise<Performed<Screened>> {
  const { call } = sending;
  return call.kind === 'task' ? aboutTask(call, sending, io, deps) : answeredCall(sending, io, deps);
}

async function answeredCall({ call, permit, snapshot, backend, settings }: Sending, io: MakeIo, deps: PipelineDeps): Promise<Performed<Screened>> {
  const first = await callWithRounds(backend, permit, io, io.dialogue, settings, deps);
  // Agents of the 2025 revisions cannot declare the extension, so the gateway takes the task in their place.
  const mayWait = call.origin.era === 'legacy' && call.kind === 'tool' && call.task === undefined && needsTask(first);
  // Killed or taken back meanwhile: it was refused, and is not sent again.
  const again = mayWait && !io.signal.aborted && killOf(call, deps) === undefined ? waitingPermit(permit) : permit;
  const answered = again === permit ? first : await callWithRounds(backend, again, io, io.dialogue, settings, deps);
  const result = await taskAwaited(answered, backend, { permit: again, snapshot }, io, deps);
  // Nobody will ever have its id.
  if (io.signal.aborted) endUnheard(result, { backend, permit: again, snapshot });
  return { result: screen(result, snapshot.settings.bounds.resultBytes), health: healthOf(result) };
}

function needsTask(answered: Awaited<ReturnType<typeof callWithRounds>>): boolean {
  return answered.ok && answered.value.kind === 'error' && requiresTasksAlone(answered.value);
}

async function aboutTask(call: TaskCall, { permit, backend, snapshot }: Sending, io: MakeIo, deps: PipelineDeps): Promise<Performed<Screened>> {
  const { principal, target, task, born, until } = call;
  const id = detached(call.exposed);
  const known = deps.tasks.recall({ id, principal, target, task, born, permit: taskPermit(permit, { exposed: id, task, born, until }), until }, snapshot.settings.bounds);
  const { era } = spokenBy(call, snapshot);
  const result = await carry({ call, snapshot, identity: deps.identity, known, io, peer: { backend, permit, era, task, born, sent: io.sent } }, deps);
  return { result, health: result.ok ? 'success' : faultHealth(result.error) };
}

/** What the backend asks in its answer, for an agent whose next request may answer it; and a task in its answer, for one that takes it. */
export function told(made: Result<Screened, BackendFault>, { call, method, asked, pages, snapshot, permit }: Admitted, { dialogue, signal }: MakeIo, deps: PipelineDeps): Result<Screened, BackendFault> {
  if (!made.ok || call.kind === 'task') return made;
  const { value } = made;
  const mayAsk = dialogue.open !== undefined;
  const passing: Passing = { binding: { principal: call.principal, method, target: call.target, content: asked.content }, pages, lastsMs: snapshot.settings.bounds.parkMs, dialogue, identity: deps.identity };
  switch (value.kind) {
    case 'own':
    case 'own_error': return made;
    case 'error': return ok((mayAsk ? askForPages(value, passing, deps) : undefined) ?? value);
    case 'task':
      if (signal.aborted) return err({ code: 'cancelled' });
      return call.kind === 'tool' ? taskCreated(value.raw, { call, permit, snapshot, identity: deps.identity }, deps) : err(NOT_OFFERED);
    case 'result':
      if (value.asks) return mayAsk ? passOn(value.result, passing, deps) : err(NOT_OFFERED);
      // Its form has no place for a result here: it asks for it later.
      return call.kind === 'tool' && call.task?.taker === 'agent' && call.origin.era === 'legacy' ? ok(taskHosted(value.result.raw, { call, permit, snapshot, identity: deps.identity }, deps)) : made;
  }
}

export const NOT_OFFERED: BackendFault = { code: 'protocol', detail: 'a result type that was not offered' };
