// The thread that owns the writing connection, so that an fsync or another process's lock never stops the event loop
// (and with it the kill switch). It executes what it is sent, in order, and answers.
import { parentPort, workerData } from 'node:worker_threads';
import { messageIn } from '../core/thrown.ts';
import { errcodeIn } from './fault.ts';
import { openSqliteFile, type SqliteFile } from './sqlite-file.ts';
import { isThreadOpening, isThreadRequest, type ThreadReply } from './sqlite-session.ts';

function failure(id: number, thrown: unknown): ThreadReply {
  return { id, ok: false, message: messageIn(thrown), errcode: errcodeIn(thrown) };
}

function serve(): void {
  const opening: unknown = workerData;
  if (parentPort === null || !isThreadOpening(opening)) throw new TypeError('sqlite-thread is started by sqlite-session');
  const port = parentPort;
  let file: SqliteFile | undefined;
  port.on('message', (message: unknown) => {
    if (!isThreadRequest(message)) return;
    if (message.text === undefined) {
      file?.close();
      port.postMessage({ id: message.id, ok: true, rows: [], changes: 0 } satisfies ThreadReply);
      port.close();
      return;
    }
    try {
      // Opened at the first statement: an unreachable directory is then an answer, and the next statement tries again.
      file ??= openSqliteFile(opening);
      port.postMessage({ id: message.id, ok: true, ...file.execute(message.text, message.parameters) } satisfies ThreadReply);
    } catch (thrown) {
      port.postMessage(failure(message.id, thrown));
    }
  });
}

serve();
