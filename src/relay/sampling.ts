// Sampling requests from one revision to another. No context of other servers goes with them, whatever they ask for (SEC34, C18).
// Sources: MCP client/sampling of 2025-06-18 and 2025-11-25; protocol reference 4.8.
import { arrayOf, quote, withMembers } from '../core/json/compose.ts';
import type { RawJson } from '../core/json/scan.ts';
import { elements, kindOf, memberOf, members, stringOf } from '../core/json/slice.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { Asking, QuestionRefusal } from './questions.ts';
import { exposeUris } from './uris-in-results.ts';
import { isSince } from './versions.ts';

/** `params` of a `sampling/createMessage` as this agent can read them. */
export function samplingFor(params: RawJson, asking: Asking): Result<RawJson, QuestionRefusal> {
  const all = members(params);
  const messages = elements(all?.get('messages'));
  if (all === undefined || messages === undefined) return err({ code: 'malformed', note: 'sampling without messages' });
  const tools = all.has('tools') || all.has('toolChoice') || messages.some(usesTools);
  if (tools && !asking.capabilities.samplingTools) return err({ code: 'undeclared', note: 'the agent did not declare sampling with tools' });
  const set = new Map<string, RawJson>();
  if (all.has('includeContext')) set.set('includeContext', quote('none'));
  if (!isSince(asking.version, '2025-11-25')) {
    const single = messages.map(withOneBlock);
    if (single.some((message) => message === undefined)) return err({ code: 'unsupported', note: 'several blocks in a message for a revision that has one' });
    if (single.some((message, at) => message !== messages[at])) set.set('messages', arrayOf(single.filter((message) => message !== undefined)));
  }
  const put = withMembers(params, { set });
  return ok(asking.expose === undefined ? put : exposeUris('prompt', put, asking.expose));
}

const TOOL_BLOCKS: readonly (string | undefined)[] = ['tool_use', 'tool_result'];

function usesTools(message: RawJson): boolean {
  const content = memberOf(message, 'content');
  const blocks = elements(content) ?? (content === undefined ? [] : [content]);
  return blocks.some((block) => TOOL_BLOCKS.includes(stringOf(memberOf(block, 'type'))));
}

/** Before 2025-11-25 a message has one block and no list. */
function withOneBlock(message: RawJson): RawJson | undefined {
  const content = memberOf(message, 'content');
  if (content === undefined || kindOf(content) !== 'array') return message;
  const [block, ...more] = elements(content, 1) ?? [];
  return block === undefined || more.length > 0 ? undefined : withMembers(message, { set: new Map([['content', block]]) });
}
