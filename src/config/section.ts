// One table of the file: its keys, and how they become settings. Tables are read apart, so that a fault in one does not hide those of another.
import type * as z from 'zod';
import type { Result } from '../core/result.ts';
import type { Account } from '../core/settings.ts';
import type { ProblemKind } from './codes.ts';
import { explain } from './diagnose.ts';
import type { Path } from './locate.ts';
import type { ReadFile, Secrets } from './secrets.ts';

/** By name or `uid:gid`. The error is for the operator: what is wrong, and a way out. */
export type FindAccount = (name: string) => Result<Account, { readonly message: string; readonly help: string }>;

/** What is wrong with the line of a public key, in words; undefined: nothing. */
export type VkeyFlaw = (line: string) => string | undefined;

/** What reading a table may know and say. */
export interface Context {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  /** Of the configuration file; relative paths start here. */
  readonly directory: string;
  readonly secrets: Secrets;
  /** Resolves a command as the gateway would start it; undefined = not found. Without it, commands are taken as written. */
  readonly which: ((command: string) => string | undefined) | undefined;
  /** Finds the user a backend is to run as. Without it there are none. */
  readonly account: FindAccount | undefined;
  /** Reads files that hold no secret. Without it there are none. */
  readonly readFile?: ReadFile;
  /** A path without links; undefined: it is not there. Without it paths are taken as written. */
  readonly realPath?: ((path: string) => string | undefined) | undefined;
  /** Without it keys are taken as written. */
  readonly vkeyFlaw?: VkeyFlaw | undefined;
  /** Was this key written in the file? */
  given(path: Path): boolean;
  /** The table in which such a key would be right. */
  elsewhere(key: string): string | undefined;
  problem(kind: ProblemKind, path: Path, message: string, help?: string, points?: 'key'): void;
}

export interface Section<Out, Given> {
  readonly name: string;
  readonly schema: z.ZodType;
  /** Undefined when the table itself is faulty; faults are already told then. */
  read(raw: unknown, context: Context, given: Given): Out | undefined;
}

type Settle<File, Out, Given> = (file: File, context: Context, given: Given) => Out;

export function section<S extends z.ZodType, Out, Given>(
  name: string,
  schema: S,
  settle: Settle<z.output<S>, Out, Given>,
): Section<Out, Given> {
  return {
    name,
    schema,
    read(raw, context, given) {
      const parsed = schema.safeParse(raw);
      if (parsed.success) return settle(parsed.data, context, given);
      explain({ root: name, schema, raw, context }, parsed.error.issues);
      return undefined;
    },
  };
}
