// What --help prints, and the pages of docs/cli.md, from the verbs themselves. Pure.
import { EXIT_MEANINGS } from './exit.ts';
import { wrap } from './render.ts';
import { COMMON_OPTIONS } from './verb.ts';
import type { Verb, VerbOption } from './verb.ts';

const WIDTH = 100;

export function helpFor(verb: Verb): string {
  const parts = [
    `sentinel ${verb.name}: ${verb.summary}`,
    `Examples\n${verb.examples.map((example) => `  ${example.run}\n      ${example.does}`).join('\n')}`,
    `Usage\n  ${usageLine(verb)}`,
  ];
  if (verb.about !== undefined) parts.push(wrap(verb.about, WIDTH, ''));
  if (Object.keys(verb.options).length > 0) parts.push(`Flags\n${optionLines(verb.options)}`);
  parts.push(`Flags of every verb\n${optionLines(COMMON_OPTIONS)}`);
  return parts.join('\n\n');
}

export function usageLine(verb: Verb): string {
  return ['sentinel', verb.name, verb.usage, '[flags]'].filter((part) => part !== '').join(' ');
}

export function overview(verbs: readonly Verb[]): string {
  const width = Math.max(...verbs.map((verb) => verb.name.length));
  const exits = EXIT_MEANINGS.map(([status, meaning]) => `  ${String(status).padStart(3)}  ${meaning}`).join('\n');
  return [
    'sentinel: a security gateway between AI agents and the MCP servers they act through',
    'Usage\n  sentinel <verb> [flags]\n  sentinel help <verb>',
    `Verbs\n${verbs.map((verb) => `  ${verb.name.padEnd(width)}  ${verb.summary}`).join('\n')}`,
    `Exit status\n${exits}\n  Any other non-zero status is a failure.`,
    'Data goes to stdout, everything else to stderr. Nothing is asked where stdin is not a terminal.',
  ].join('\n\n');
}

export function flagName(name: string, option: VerbOption): string {
  const short = option.short === undefined ? '' : `-${option.short}, `;
  return `${short}--${name}${option.type === 'string' ? ` <${option.value ?? 'text'}>` : ''}`;
}

function optionLines(options: Readonly<Record<string, VerbOption>>): string {
  const rows = Object.entries(options).map(([name, option]) => [flagName(name, option), option.help] as const);
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${wrap(right, WIDTH, ' '.repeat(width + 4)).trimStart()}`).join('\n');
}
