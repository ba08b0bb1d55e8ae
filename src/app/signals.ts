// The process's signals: HUP reloads, the first TERM or INT drains, the second one ends at once. Installed before anything
// else is started, because a HUP during the start would otherwise kill the process (B12 of the original).
export interface SignalActions {
  reload(): void;
  /** First TERM or INT. */
  drain(signal: 'SIGTERM' | 'SIGINT'): void;
  /** Second one: nothing is waited for any more. */
  force(signal: 'SIGTERM' | 'SIGINT'): void;
}

/** Returns the undo. */
export function onSignals(actions: SignalActions): () => void {
  let seen = 0;
  const end = (signal: 'SIGTERM' | 'SIGINT') => (): void => {
    seen += 1;
    if (seen === 1) actions.drain(signal);
    else actions.force(signal);
  };
  const handlers = [['SIGHUP', () => actions.reload()], ['SIGTERM', end('SIGTERM')], ['SIGINT', end('SIGINT')]] as const;
  for (const [signal, handler] of handlers) process.on(signal, handler);
  return () => {
    for (const [signal, handler] of handlers) process.off(signal, handler);
  };
}
