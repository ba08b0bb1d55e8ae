// argv against a verb's declared options. Strict: an unknown flag, a missing value or a value too many is a usage fault.
import { parseArgs } from 'node:util';
import type { ParseArgsOptionsConfig } from 'node:util';
import { err, ok } from '../core/result.ts';
import type { Result } from '../core/result.ts';
import { suggest } from '../config/suggest.ts';
import type { Flags, VerbOption } from './verb.ts';

export interface UsageFault {
  readonly message: string;
  readonly help: string | undefined;
}

export interface ParsedLine {
  readonly flags: Flags;
  readonly operands: readonly string[];
}

type Options = Readonly<Record<string, VerbOption>>;

export function parseLine(argv: readonly string[], options: Options): Result<ParsedLine, UsageFault> {
  // Not `strict`: its messages name no near word and refuse at the first fault with a text of Node's choosing.
  const { tokens, positionals, values } = parseArgs({ args: [...argv], options: nodeOptions(options), allowPositionals: true, strict: false, tokens: true });
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    const option = Object.hasOwn(options, token.name) ? options[token.name] : undefined;
    if (option === undefined) return err(unknownFlag(token.rawName, options));
    if (option.type === 'boolean') {
      if (token.value !== undefined) return err({ message: `${token.rawName} takes no value`, help: undefined });
    } else if (token.value === undefined || (!token.inlineValue && token.value.length > 1 && token.value.startsWith('-'))) {
      return err({ message: `${token.rawName} needs a value: ${token.rawName} <${option.value ?? 'value'}>`, help: `a value that starts with "-" is written ${token.rawName}=-…` });
    }
  }
  return ok({ flags: flagsOf(values, options), operands: positionals });
}

function nodeOptions(options: Options): ParseArgsOptionsConfig {
  const config: ParseArgsOptionsConfig = {};
  for (const [name, option] of Object.entries(options)) {
    config[name] = { type: option.type, ...(option.short === undefined ? {} : { short: option.short }), ...(option.multiple === undefined ? {} : { multiple: option.multiple }) };
  }
  return config;
}

function unknownFlag(given: string, options: Options): UsageFault {
  const near = suggest(given.replace(/^-+/, ''), Object.keys(options));
  return { message: `unknown flag ${given}`, help: near === undefined ? 'an operand that starts with "-" comes last, after --' : `did you mean --${near}?` };
}

type Value = string | boolean | (string | boolean)[] | undefined;

function flagsOf(values: Readonly<Record<string, Value>>, options: Options): Flags {
  const read = (name: string): Value => {
    if (!Object.hasOwn(options, name)) throw new Error(`flag ${name} is not declared`);
    return values[name];
  };
  return {
    text: (name) => {
      const value = read(name);
      const last = Array.isArray(value) ? value.at(-1) : value;
      return typeof last === 'string' ? last : undefined;
    },
    on: (name) => {
      const value = read(name);
      return value === true || (Array.isArray(value) && value.length > 0);
    },
    list: (name) => {
      const value = read(name);
      const all = Array.isArray(value) ? value : value === undefined ? [] : [value];
      return all.map(String);
    },
  };
}
