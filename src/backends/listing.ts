// Reads the whole tool list of a backend, page by page, within bounds (original C5, C9). Definitions stay as they were sent.
import { objectOf } from '../core/json/compose.ts';
import type { RawJson } from '../core/json/scan.ts';
import { elements, kindOf, members, stringOf } from '../core/json/slice.ts';
import type { BackendAnswer, BackendFault } from '../core/ports.ts';
import { err, ok, type Result } from '../core/result.ts';
import { quote } from '../core/json/compose.ts';
import { shortText } from './text.ts';

/** Asks for one page; `params` are without `_meta`, which belongs to the era. */
export type AskPage = (params: RawJson) => Promise<Result<BackendAnswer, BackendFault>>;

export interface ListBounds {
  readonly listPages: number;
  readonly listBytes: number;
}

export interface ToolList {
  readonly tools: readonly RawJson[];
  /** What was left out, in words for the log. */
  readonly notes: readonly string[];
}

/** A bound that is hit ends the list there: what was not read is not callable. */
export async function readTools(ask: AskPage, bounds: ListBounds): Promise<Result<ToolList, BackendFault>> {
  const tools: RawJson[] = [];
  const notes: string[] = [];
  const seen = new Set<string>();
  let bytes = 0;
  let cursor: RawJson | undefined;
  for (let page = 0; page < bounds.listPages; page += 1) {
    const answered = await ask(objectOf(cursor === undefined ? [] : [['cursor', cursor]]));
    if (!answered.ok) return answered;
    const answer = answered.value;
    if (answer.kind === 'error') return err({ code: 'protocol', detail: `tools/list was refused: ${answer.code} ${shortText(answer.message, 200)}` });
    bytes += answer.raw.length;
    if (bytes > bounds.listBytes) return ok({ tools, notes: [...notes, `the list is longer than ${bounds.listBytes} bytes; the rest is left out`] });
    const all = members(answer.raw);
    const items = elements(all?.get('tools') ?? answer.raw);
    if (items === undefined) return err({ code: 'protocol', detail: 'tools/list was answered without a list of tools' });
    collect(items.slice(0, TOOLS_MAX - tools.length), tools, notes);
    if (tools.length >= TOOLS_MAX) return ok({ tools, notes: [...notes, `the list has ${TOOLS_MAX} tools or more; the rest is left out`] });
    const text = stringOf(all?.get('nextCursor'));
    // Only an absent cursor ends the list: "" is a cursor like any other (C9).
    if (text === undefined) return ok({ tools, notes });
    if (seen.has(text)) return ok({ tools, notes: [...notes, 'a cursor came twice; the list ends there'] });
    seen.add(text);
    cursor = quote(text);
  }
  return ok({ tools, notes: [...notes, `the list has more than ${bounds.listPages} pages; the rest is left out`] });
}

const NOTES_MAX = 20;
/** Measured: a catalogue of 60 000 is built in half a second, in which nobody's call moves. No server in use has a tenth of this. */
const TOOLS_MAX = 5_000;

/** One malformed tool costs itself, not the backend. */
function collect(items: readonly RawJson[], tools: RawJson[], notes: string[]): void {
  for (const item of items) {
    const problem = toolProblem(item);
    if (problem === undefined) tools.push(item);
    else if (notes.length < NOTES_MAX) notes.push(problem);
  }
}

function toolProblem(item: RawJson): string | undefined {
  const all = members(item);
  const name = stringOf(all?.get('name'));
  if (all === undefined || name === undefined || name === '') return 'a tool without a name is left out';
  const schema = all.get('inputSchema');
  if (schema === undefined || kindOf(schema) !== 'object') return `tool ${shortText(name, 64)} has no input schema and is left out`;
  return undefined;
}

/** The tool's name as its definition has it. Only for definitions that `readTools` let through. */
export function toolName(definition: RawJson): string {
  return stringOf(members(definition)?.get('name')) ?? '';
}

export function sameTools(left: readonly RawJson[], right: readonly RawJson[]): boolean {
  return left.length === right.length && left.every((tool, index) => tool === right[index]);
}
