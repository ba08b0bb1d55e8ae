// Reads all that a backend lists, page by page, within bounds (original C5, C9). Definitions stay as they were sent.
import { objectOf, quote } from '../core/json/compose.ts';
import type { RawJson } from '../core/json/scan.ts';
import { elements, kindOf, members, stringOf } from '../core/json/slice.ts';
import type { BackendReply, BackendFault, BackendListing, BackendOffers } from '../core/ports.ts';
import { err, ok, type Result } from '../core/result.ts';
import { CODE } from '../relay/rpc.ts';
import { shortText, wholeText } from './text.ts';

export type ListMethod = 'tools/list' | 'prompts/list' | 'resources/list' | 'resources/templates/list';

/** Asks for one page; `params` are without `_meta`, which belongs to the era. */
export type AskPage = (method: ListMethod, params: RawJson) => Promise<Result<BackendReply, BackendFault>>;

export interface ListBounds {
  /** Of one list. */
  readonly listPages: number;
  /** Of all lists together. */
  readonly listBytes: number;
}

export type Lists = Pick<BackendListing, 'tools' | 'prompts' | 'resources' | 'templates'>;

export interface ReadLists {
  readonly lists: Lists;
  /** What was left out, in words for the log. */
  readonly notes: readonly string[];
}

interface ListKind {
  readonly method: ListMethod;
  readonly member: keyof Lists | 'resourceTemplates';
  readonly problem: (item: RawJson) => string | undefined;
}

const TOOLS: ListKind = { method: 'tools/list', member: 'tools', problem: toolProblem };
const PROMPTS: ListKind = { method: 'prompts/list', member: 'prompts', problem: promptProblem };
const RESOURCES: ListKind = { method: 'resources/list', member: 'resources', problem: (item) => resourceProblem(item, 'uri') };
const TEMPLATES: ListKind = { method: 'resources/templates/list', member: 'resourceTemplates', problem: (item) => resourceProblem(item, 'uriTemplate') };

const NOTES_MAX = 20;
/** Measured: a catalogue of 60 000 is built in half a second, in which nobody's call moves. No server in use has a tenth of this. */
const ITEMS_MAX = 5_000;

/** A list other than the tools that cannot be read costs only itself; a link that is gone costs all. */
export async function readLists(ask: AskPage, offers: BackendOffers, bounds: ListBounds): Promise<Result<ReadLists, BackendFault>> {
  const reader = new ListReader(ask, bounds);
  const tools = offers.tools ? await reader.read(TOOLS) : NONE;
  if (!tools.ok) return tools;
  const prompts = offers.prompts ? await reader.spare(PROMPTS) : NONE;
  if (!prompts.ok) return prompts;
  const resources = offers.resources ? await reader.spare(RESOURCES) : NONE;
  if (!resources.ok) return resources;
  const templates = offers.resources ? await reader.spare(TEMPLATES) : NONE;
  if (!templates.ok) return templates;
  return ok({ lists: { tools: tools.value, prompts: prompts.value, resources: resources.value, templates: templates.value }, notes: reader.notes });
}

type Read = Result<readonly RawJson[], BackendFault>;
const NONE: Read = ok([]);

/** Faults that say nothing of the link: the next question may be answered. */
const OF_ONE_QUESTION: ReadonlySet<BackendFault['code']> = new Set(['protocol', 'timeout', 'oversize', 'http_status']);

class ListReader {
  readonly notes: string[] = [];
  readonly #ask: AskPage;
  readonly #bounds: ListBounds;
  #bytes = 0;

  constructor(ask: AskPage, bounds: ListBounds) {
    this.#ask = ask;
    this.#bounds = bounds;
  }

  async spare(kind: ListKind): Promise<Read> {
    const read = await this.read(kind);
    if (read.ok || !OF_ONE_QUESTION.has(read.error.code)) return read;
    // Many servers claim `resources` and have no templates, or none of it.
    this.#note(kind, wholeText(read.error));
    return NONE;
  }

  /** A bound that is hit ends the list there: what was not read cannot be used. */
  async read(kind: ListKind): Promise<Read> {
    const { listPages, listBytes } = this.#bounds;
    const found: RawJson[] = [];
    const seen = new Set<string>();
    let cursor: RawJson | undefined;
    for (let page = 0; page < listPages; page += 1) {
      const answered = await this.#ask(kind.method, objectOf(cursor === undefined ? [] : [['cursor', cursor]]));
      if (!answered.ok) return answered;
      const answer = answered.value;
      if (answer.kind === 'error') return refused(kind, answer.code, answer.message, page);
      this.#bytes += answer.raw.length;
      if (this.#bytes > listBytes) return this.#cut(kind, found, `it is longer than ${listBytes} bytes; the rest is left out`);
      const all = members(answer.raw);
      const items = elements(all?.get(kind.member) ?? answer.raw);
      if (items === undefined) return err({ code: 'protocol', detail: `${kind.method} was answered without a list` });
      this.#collect(kind, items.slice(0, ITEMS_MAX - found.length), found);
      if (found.length >= ITEMS_MAX) return this.#cut(kind, found, `it has ${ITEMS_MAX} entries or more; the rest is left out`);
      const text = stringOf(all?.get('nextCursor'));
      // Only an absent cursor ends the list: "" is a cursor like any other (C9).
      if (text === undefined) return ok(found);
      if (seen.has(text)) return this.#cut(kind, found, 'a cursor came twice; the list ends there');
      seen.add(text);
      cursor = quote(text);
    }
    return this.#cut(kind, found, `it has more than ${listPages} pages; the rest is left out`);
  }

  #cut(kind: ListKind, found: readonly RawJson[], why: string): Read {
    this.#note(kind, why);
    return ok(found);
  }

  /** One malformed entry costs itself, not the list. */
  #collect(kind: ListKind, items: readonly RawJson[], found: RawJson[]): void {
    for (const item of items) {
      const problem = kind.problem(item);
      if (problem === undefined) found.push(item);
      else this.#note(kind, problem);
    }
  }

  #note(kind: ListKind, text: string): void {
    if (this.notes.length < NOTES_MAX) this.notes.push(`${kind.method}: ${text}`);
  }
}

/** That there is no such method is no fault of a later page only. */
function refused(kind: ListKind, code: number, message: string, page: number): Read {
  if (kind !== TOOLS && page === 0 && code === CODE.methodNotFound) return NONE;
  return err({ code: 'protocol', detail: `${kind.method} was refused: ${code}`, said: shortText(message, 200) });
}

function toolProblem(item: RawJson): string | undefined {
  const all = members(item);
  const name = stringOf(all?.get('name'));
  if (all === undefined || name === undefined || name === '') return 'a tool without a name is left out';
  const schema = all.get('inputSchema');
  if (schema === undefined || kindOf(schema) !== 'object') return `tool ${shortText(name, 64)} has no input schema and is left out`;
  return undefined;
}

function promptProblem(item: RawJson): string | undefined {
  const all = members(item);
  const name = stringOf(all?.get('name'));
  if (all === undefined || name === undefined || name === '') return 'a prompt without a name is left out';
  const args = all.get('arguments');
  return args === undefined || kindOf(args) === 'array' ? undefined : `prompt ${shortText(name, 64)} has arguments that are no list and is left out`;
}

/** Both members are required: one entry without them makes an agent's SDK refuse the whole list. */
function resourceProblem(item: RawJson, member: 'uri' | 'uriTemplate'): string | undefined {
  const all = members(item);
  const uri = stringOf(all?.get(member));
  if (uri === undefined || uri === '') return `an entry without ${member} is left out`;
  return stringOf(all?.get('name')) === undefined ? `${shortText(uri, 64)} has no name and is left out` : undefined;
}

/** The tool's name as its definition has it. Only for definitions that `readLists` let through. */
export function toolName(definition: RawJson): string {
  return stringOf(members(definition)?.get('name')) ?? '';
}

export function sameLists(left: Lists, right: Lists): boolean {
  return same(left.tools, right.tools) && same(left.prompts, right.prompts) && same(left.resources, right.resources) && same(left.templates, right.templates);
}

function same(left: readonly RawJson[], right: readonly RawJson[]): boolean {
  return left.length === right.length && left.every((item, index) => item === right[index]);
}
