// A node:test reporter that writes one JSON line per finished test, for test/run.ts. It decides nothing.
import { inspect } from 'node:util';
import type { TestEvent } from 'node:test/reporters';

/** A test's diagnostic that begins with this is shown with its file's line, also when all is well. */
export const SHOWN = 'shown: ';

export type ShownLine = { readonly shown: string };

export type TestLine = {
  readonly name: string;
  readonly passed: boolean;
  /** Why it did not run; the empty string when no reason was given. */
  readonly skip?: string;
  readonly error?: string;
};

function reasonOf(flag: string | boolean | undefined): string | undefined {
  return flag === undefined || flag === false ? undefined : flag === true ? '' : flag;
}

async function* jsonLines(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const path: string[] = [];
  for await (const event of source) {
    if (event.type === 'test:start') path.length = event.data.nesting;
    if (event.type === 'test:start') path.push(event.data.name);
    if (event.type === 'test:diagnostic' && event.data.message.startsWith(SHOWN)) {
      const line: ShownLine = { shown: event.data.message.slice(SHOWN.length) };
      yield `${JSON.stringify(line)}\n`;
    }
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue;
    const { details, name } = event.data;
    const error = 'error' in details ? details.error : undefined;
    const failure = error !== undefined && 'failureType' in error ? error.failureType : undefined;
    // A suite, or a test that failed only because one inside it did, is not counted a second time.
    if (failure === 'subtestsFailed' || (details.type === 'suite' && event.type === 'test:pass')) continue;
    const skip = reasonOf(event.data.skip) ?? reasonOf(event.data.todo);
    const line: TestLine = {
      name: [...path.slice(0, event.data.nesting), name].join(' > '),
      passed: event.type === 'test:pass',
      ...(skip === undefined ? {} : { skip }),
      ...(error === undefined ? {} : { error: inspect(error.cause ?? error, { depth: 5 }) }),
    };
    yield `${JSON.stringify(line)}\n`;
  }
}

// node:test loads a reporter by its default export.
export { jsonLines as default };
