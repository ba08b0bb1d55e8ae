// Every method name that the official SDKs know, read from their schemas: a method that a new version brings is in the next run.
import * as core from '@modelcontextprotocol/core';
import * as skills from '@modelcontextprotocol/core/ext/skills';
import * as v1 from 'mcp-sdk-v1/types.js';

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

/** The literal of an object schema's `method`. */
function methodOf(schema: unknown): string | undefined {
  const value = member(member(member(schema, 'shape'), 'method'), 'value');
  return typeof value === 'string' ? value : undefined;
}

function methodsOfUnion(schema: unknown): readonly string[] {
  const options = member(schema, 'options');
  return Array.isArray(options) ? options.map(methodOf).filter((method) => method !== undefined) : [];
}

const all = new Set([core, v1].flatMap((sdk) => Object.values(sdk).flatMap((schema) => [methodOf(schema), ...methodsOfUnion(schema)])).filter((method) => method !== undefined));
const asksAgents = new Set([core.ServerRequestSchema, v1.ServerRequestSchema].flatMap(methodsOfUnion));
const asksServers = new Set([core.ClientRequestSchema, v1.ClientRequestSchema].flatMap(methodsOfUnion));
const isNotification = (method: string): boolean => method.startsWith('notifications/');

/** Said without an id, by either side. */
export const NOTIFICATIONS: readonly string[] = [...all].filter(isNotification).toSorted();
/** What only servers ask, of agents. */
export const ASKED_OF_AGENTS: readonly string[] = [...asksAgents].filter((method) => !asksServers.has(method)).toSorted();
/** What agents may ask of a server, in whichever revision. */
export const REQUESTS: readonly string[] = [...all].filter((method) => !isNotification(method) && !ASKED_OF_AGENTS.includes(method)).toSorted();
/** Of extensions, which the specification does not have. */
export const OF_EXTENSIONS: readonly string[] = Object.entries(skills).flatMap(([name, value]) => (name.endsWith('_METHOD') && typeof value === 'string' ? [value] : []));
