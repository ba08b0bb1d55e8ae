// The journal's thread at its own end: what it is asked, in order, each with an answer.
import type { MessagePort } from 'node:worker_threads';
import type { StoreFault } from '../../core/ports.ts';
import type { Result } from '../../core/result.ts';
import { messageIn } from '../../core/thrown.ts';
import { Scribe, type ScribeDeps } from './scribe.ts';
import { isThreadOptions, isThreadRequest, type ThreadReply, type ThreadRequest } from './session.ts';

export function serveJournal(port: MessagePort, options: unknown, deps: Omit<ScribeDeps, 'onAbandoned'>): void {
  if (!isThreadOptions(options)) throw new TypeError('the thread is started by session.ts');
  const say = (reply: ThreadReply): void => port.postMessage(reply);
  const scribe = new Scribe(options, { ...deps, onAbandoned: (number, why) => say({ id: 0, abandoned: { number, why } }) });
  port.on('message', (message: unknown) => {
    if (!isThreadRequest(message)) return;
    say({ id: message.id, result: carryOut(scribe, message), space: scribe.space() });
    if (message.ask === 'end') port.close();
  });
}

function carryOut(scribe: Scribe, request: ThreadRequest): Extract<ThreadReply, { readonly result: unknown }>['result'] {
  try {
    switch (request.ask) {
      case 'open': return scribe.open();
      case 'append': return plain(scribe.append(request.entries));
      case 'end': return plain(scribe.end());
    }
  } catch (thrown) {
    return { ok: false, error: { code: 'unavailable', detail: `the journal's thread failed: ${messageIn(thrown)}` } };
  }
}

function plain(result: Result<void, StoreFault>): Result<undefined, StoreFault> {
  return result.ok ? { ok: true, value: undefined } : result;
}
