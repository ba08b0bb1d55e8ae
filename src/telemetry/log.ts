// The log: JSON lines on stderr, never stdout (which is protocol or data). What strangers wrote stands only under `untrusted`,
// cut, masked and escaped, so that no line can be forged and no terminal steered.
import { destination, pino, stdTimeFunctions, type DestinationStream, type Logger } from 'pino';
import { maskSecrets } from '../core/masking.ts';
import type { GatewaySettings } from '../core/settings.ts';
import { cut, printable } from '../core/text.ts';

export type LogLevel = GatewaySettings['logLevel'];

export interface LogFields {
  /** Text of agents, backends and token issuers. */
  readonly untrusted?: Readonly<Record<string, string | undefined>>;
  readonly [field: string]: unknown;
}

export interface Log {
  /** May be set at any time: a reload changes it. */
  level: LogLevel;
  error(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  debug(fields: LogFields, message: string): void;
  /** Lines given up because stderr was not read. */
  dropped(): number;
}

export interface LogOptions {
  readonly level: LogLevel;
  /** Where whole lines go instead of file descriptor 2. */
  readonly write?: (line: string) => void;
}

/** By field name, at the top and one level down. Values of our own that are secret are `Secret` and print a mark anyway. */
const REDACTED: readonly string[] = ['token', 'secret', 'password', 'authorization', 'cookie', 'bearer', 'credential', 'args', 'arguments', 'result'];
const VALUE_UNITS = 512;
const STDERR = 2;
/** A reader that stopped may cost this much memory; then lines are dropped and counted. */
const BUFFER_BYTES = 1_048_576;

export function createLog(options: LogOptions): Log {
  let lost = 0;
  const logger = pino({
    level: options.level,
    base: { pid: process.pid },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: REDACTED.flatMap((name) => [name, `*.${name}`]), censor: '[redacted]' },
  }, options.write === undefined ? standardError(() => (lost += 1)) : { write: options.write });
  return logOver(logger, () => lost);
}

/**
 * Asynchronous: a stderr that nobody reads (a full pipe) must not stop the event loop, and with it every call. What is
 * buffered is written at exit; a SIGKILL may lose the last lines, which is why the audit does not go through here.
 */
function standardError(onDrop: () => void): DestinationStream {
  const stream = destination({ fd: STDERR, sync: false, maxLength: BUFFER_BYTES });
  stream.on('drop', onDrop);
  stream.on('error', onDrop);
  return stream;
}

function logOver(logger: Logger, dropped: () => number): Log {
  const line = (level: 'error' | 'warn' | 'info' | 'debug') => (fields: LogFields, message: string): void => {
    if (logger.isLevelEnabled(level)) logger[level](clean(fields), message);
  };
  return {
    get level() {
      return levelOf(logger.level);
    },
    set level(level: LogLevel) {
      logger.level = level;
    },
    error: line('error'), warn: line('warn'), info: line('info'), debug: line('debug'),
    dropped,
  };
}

const LEVELS: readonly LogLevel[] = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'];

function levelOf(word: string): LogLevel {
  return LEVELS.find((level) => level === word) ?? 'info';
}

function clean({ untrusted, ...fields }: LogFields): Record<string, unknown> {
  if (untrusted === undefined) return fields;
  const safe: Record<string, string> = {};
  for (const [key, value] of Object.entries(untrusted)) if (value !== undefined) safe[key] = plain(value);
  return { ...fields, untrusted: safe };
}

function plain(text: string): string {
  return cut(printable(maskSecrets(text.slice(0, VALUE_UNITS * 4))), VALUE_UNITS);
}
