// argv to one verb to one exit status. All that is outside comes in as a World, so that every path here can be tested.
import { resolve } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { whyUnread } from '../app/fault.ts';
import { printable } from '../core/text.ts';
import { renderDiagnostics } from '../config/render.ts';
import { EXIT } from './exit.ts';
import { fileFault, unexpectedFault, usageFault } from './faults.ts';
import { parseLine } from './flags.ts';
import { helpFor, overview } from './help.ts';
import { jsonLine, paintFor, wantsColour } from './render.ts';
import { withConfig } from './remedy.ts';
import { suggest } from '../config/suggest.ts';
import { WORDS, allVerbs, verbsOf } from './table.ts';
import { COMMON_OPTIONS } from './verb.ts';
import type { Fault, Flags, Verb, VerbContext } from './verb.ts';
import { defaultConfig, ownFile } from './whereabouts.ts';

export interface World {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly isTty: VerbContext['isTty'];
  readonly width: number;
  readonly now: () => number;
  readonly user: string;
  readonly ask: (question: string) => Promise<boolean>;
  /** Calls back at each SIGINT and SIGTERM; installed only when a verb asks for its signal, so others die at once. */
  readonly onStop: (listener: (name: 'SIGINT' | 'SIGTERM') => void) => void;
}

export async function runCli(argv: readonly string[], world: World): Promise<number> {
  const own = argv.includes('--') ? argv.slice(0, argv.indexOf('--')) : argv;
  const voice = voiceOf(world, own.includes('--json'), own.includes('--no-color'));
  try {
    return await dispatch(argv, own, world, voice);
  } catch (error) {
    return voice.fail(faultOf(error, own.includes('-v') || own.includes('--verbose')));
  }
}

async function dispatch(argv: readonly string[], own: readonly string[], world: World, voice: Voice): Promise<number> {
  const at = firstWord(own);
  const word = at === undefined ? undefined : argv[at];
  if (at === undefined || word === undefined) return await withoutVerb(own, voice);
  const before = argv.slice(0, at);
  const after = argv.slice(at + 1);
  if (word === 'help') return await help(after.filter((part) => !part.startsWith('-')), voice);
  const verbs = await verbsOf(word);
  if (verbs === undefined) return voice.fail(unknownVerb(word, WORDS));
  const [only] = verbs;
  if (verbs.length === 1 && only !== undefined && only.name === word) return await perform(only, [...before, ...after], world, voice);
  const sub = verbs.find((verb) => verb.name === `${word} ${after[0] ?? ''}`);
  if (sub !== undefined) return await perform(sub, [...before, ...after.slice(1)], world, voice);
  if (after[0] === '--help' || after[0] === '-h') return voice.page(verbs.map(helpFor).join('\n\n\n'));
  return voice.fail(missingSub(word, after[0], verbs));
}

/** Index of the first argument that is no flag; `--config` alone takes a value before the verb. */
function firstWord(argv: readonly string[]): number | undefined {
  for (let i = 0; i < argv.length; i++) {
    const part = argv[i] ?? '';
    if (part === '--config') i++;
    else if (!part.startsWith('-')) return i;
  }
  return undefined;
}

async function withoutVerb(own: readonly string[], voice: Voice): Promise<number> {
  if (own.includes('--version')) {
    const { packageVersion } = await import('./package.ts');
    return voice.page(`sentinel ${packageVersion()}`);
  }
  const page = overview(await allVerbs());
  if (own.includes('--help') || own.includes('-h')) return voice.page(page);
  const parsed = parseLine(own, COMMON_OPTIONS);
  if (!parsed.ok) return voice.fail(usageFault(parsed.error.message, parsed.error.help));
  voice.err(page);
  return EXIT.usage;
}

async function help(words: readonly string[], voice: Voice): Promise<number> {
  const verbs = await allVerbs();
  if (words.length === 0) return voice.page(overview(verbs));
  const name = words.join(' ');
  const found = verbs.filter((verb) => verb.name === name || verb.name.startsWith(`${name} `));
  if (found.length === 0) return voice.fail(unknownVerb(name, verbs.map((verb) => verb.name)));
  return voice.page(found.map(helpFor).join('\n\n\n'));
}

function unknownVerb(word: string, known: readonly string[]): Fault {
  const near = suggest(word, known);
  return usageFault(`unknown verb "${printable(word)}"`, near === undefined ? 'sentinel --help lists them' : `did you mean: sentinel ${near}`);
}

function missingSub(word: string, given: string | undefined, verbs: readonly Verb[]): Fault {
  const names = verbs.map((verb) => verb.name.slice(word.length + 1));
  const near = given === undefined ? undefined : suggest(given, names);
  const said = given === undefined ? '' : `, not "${printable(given)}"`;
  return usageFault(`sentinel ${word} needs one of ${names.join(', ')}${said}`, near === undefined ? `sentinel help ${word}` : `did you mean: sentinel ${word} ${near}`);
}

async function perform(verb: Verb, argv: readonly string[], world: World, voice: Voice): Promise<number> {
  const parsed = parseLine(argv, { ...verb.options, ...COMMON_OPTIONS });
  if (!parsed.ok) return voice.fail(usageFault(parsed.error.message, parsed.error.help ?? `sentinel help ${verb.name}`));
  const { flags, operands } = parsed.value;
  if (flags.on('help')) return voice.page(helpFor(verb));
  const [least, most] = verb.operands;
  if (operands.length < least) return voice.fail(usageFault(`sentinel ${verb.name} needs ${verb.usage}`, `sentinel help ${verb.name}`));
  if (operands.length > most) return voice.fail(usageFault(`sentinel ${verb.name} takes no "${printable(operands[most] ?? '')}"`, `sentinel help ${verb.name}`));
  return await verb.run(contextOf(verb, flags, operands, world, voice));
}

function contextOf({ startedBy }: Verb, flags: Flags, operands: readonly string[], world: World, voice: Voice): VerbContext {
  const quiet = flags.on('quiet');
  const given = flags.text('config');
  let stop: AbortController | undefined;
  return {
    args: operands,
    flags,
    json: flags.on('json'),
    verbosity: quiet ? -1 : flags.list('verbose').length,
    configFile: given === undefined ? defaultConfig(world.env, world.cwd, startedBy) : resolve(world.cwd, given),
    ownFile: ownFile(world.env, world.cwd, startedBy),
    startedBy,
    out: voice.out,
    outJson: (value) => voice.out(jsonLine(value)),
    err: quiet ? () => undefined : voice.err,
    fail: (fault) => voice.fail(fault.help === undefined ? fault : { ...fault, help: withConfig(fault.help, given) }),
    remedy: (text) => withConfig(text, given),
    ask: async (question) => (world.isTty.stdin && world.isTty.stderr ? await world.ask(question) : undefined),
    readStdin: (maxBytes) => readAll(world.stdin, maxBytes),
    stdin: bytesOf(world.stdin),
    write: (text) => new Promise((resolve, reject) => world.stdout.write(text, (error) => (error === undefined || error === null ? resolve() : reject(error)))),
    env: world.env,
    cwd: world.cwd,
    isTty: world.isTty,
    width: world.width,
    paint: voice.paint,
    now: world.now,
    user: world.user,
    get signal(): AbortSignal {
      if (stop === undefined) {
        const controller = new AbortController();
        stop = controller;
        world.onStop((name) => controller.abort(name));
      }
      return stop.signal;
    },
  };
}

interface Voice {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly page: (text: string) => number;
  readonly fail: (fault: Fault) => number;
  readonly paint: VerbContext['paint'];
}

function voiceOf(world: World, json: boolean, noColour: boolean): Voice {
  const out = (text: string): void => void world.stdout.write(`${text}\n`);
  const err = (text: string): void => void world.stderr.write(`${text}\n`);
  const talk = paintFor(wantsColour(world.isTty.stderr, world.env, noColour));
  return {
    out,
    err,
    page: (text) => {
      out(text);
      return EXIT.ok;
    },
    fail: (fault) => {
      err(json ? exitError(fault) : humanFault(fault, talk));
      return fault.exit;
    },
    paint: paintFor(wantsColour(world.isTty.stdout, world.env, noColour)),
  };
}

function exitError(fault: Fault): string {
  return jsonLine({ type: 'exit_error', code: fault.exit, error: { code: fault.code, message: fault.message, help: fault.help, docs: `docs/errors/${fault.code}.md`, problems: fault.problems } });
}

function humanFault(fault: Fault, paint: VerbContext['paint']): string {
  const problems = fault.problems ?? [];
  const lines = problems.length === 0 ? [] : [renderDiagnostics(problems, fault.source ?? ''), ''];
  lines.push(`${paint.bad(`error[${fault.code}]`)}: ${harmless(fault.message)}`);
  if (fault.help !== undefined) lines.push(`  = help: ${harmless(fault.help)}`);
  lines.push(`  = docs: sentinel explain ${fault.code}`);
  return lines.join('\n');
}

class TooMuchInput extends Error {}

/** Names of files and words of others may stand in it; a stack has lines. */
function harmless(text: string): string {
  return text.split('\n').map(printable).join('\n');
}

async function* bytesOf(stdin: Readable): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of stdin) yield chunk instanceof Uint8Array ? chunk : Buffer.from(String(chunk));
}

async function readAll(stdin: Readable, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stdin) {
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk));
    size += bytes.length;
    if (size > maxBytes) throw new TooMuchInput(`stdin is larger than ${maxBytes} bytes`);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** What a verb did not foresee. A place that cannot be used is no defect, whichever verb meets it. */
function faultOf(error: unknown, verbose: boolean): Fault {
  if (error instanceof TooMuchInput) return usageFault(error.message, 'give it less, or a file');
  const path = error instanceof Error && 'syscall' in error && 'path' in error && typeof error.path === 'string' ? error.path : undefined;
  if (path !== undefined && !verbose) return fileFault(`${path} cannot be used: ${whyUnread(error)}`, 'name another place, or let this user write there; --verbose shows where it happened');
  return unexpectedFault(describeError(error, verbose));
}

function describeError(error: unknown, verbose: boolean): string {
  if (!(error instanceof Error)) return String(error);
  return verbose ? (error.stack ?? error.message) : error.message;
}
