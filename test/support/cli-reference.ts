// docs/cli.md as the verb table makes it. Written by scripts/generate; test/cli/help.test.ts fails when it is stale.
import { EXIT_MEANINGS } from '../../src/cli/exit.ts';
import { flagName, usageLine } from '../../src/cli/help.ts';
import { COMMON_OPTIONS } from '../../src/cli/verb.ts';
import type { Verb, VerbOption } from '../../src/cli/verb.ts';

const HEAD = `# Command line

Made from the verbs by \`scripts/generate\`; do not edit. \`sentinel help <verb>\` prints the same.

Data goes to stdout, everything else to stderr. With \`--json\` stdout holds one JSON value, or one per line for verbs that follow something:
keys are snake_case, times RFC 3339 in UTC; ignore keys you do not know. A fatal error is then one object on stderr:

\`\`\`text
{"type":"exit_error","code":11,"error":{"code":"SEN-0107","message":"…","help":"…","docs":"docs/errors/SEN-0107.md"}}
\`\`\`

Nothing is asked where stdin is not a terminal. Colour only on a terminal, and never with \`--no-color\`, \`NO_COLOR\` or \`TERM=dumb\`.
The gateway is found by its configuration file (see \`sentinel help check\`), or by its socket with the variable \`SENTINEL_CONTROL\`.`;

export function cliReference(verbs: readonly Verb[]): string {
  const index = verbs.map((verb) => `| [\`sentinel ${verb.name}\`](#sentinel-${verb.name.replaceAll(' ', '-')}) | ${cell(verb.summary)} |`).join('\n');
  const exits = EXIT_MEANINGS.map(([status, meaning]) => `| ${status} | ${cell(meaning)} |`).join('\n');
  return [
    HEAD,
    `| verb | does |\n|---|---|\n${index}`,
    `## Flags of every verb\n\n${flagTable(COMMON_OPTIONS)}`,
    `## Exit status\n\n| status | meaning |\n|---|---|\n${exits}\n\nAny other non-zero status is a failure.`,
    ...verbs.map(verbSection),
  ].join('\n\n') + '\n';
}

function verbSection(verb: Verb): string {
  const examples = verb.examples.map((example) => `${example.run}\n    ${example.does}`).join('\n');
  const parts = [`## sentinel ${verb.name}`, sentence(verb.summary), `\`\`\`text\n${examples}\n\`\`\``, `Usage: \`${usageLine(verb)}\``];
  if (verb.about !== undefined) parts.push(verb.about.replaceAll('<', '&lt;'));
  if (Object.keys(verb.options).length > 0) parts.push(flagTable(verb.options));
  return parts.join('\n\n');
}

function sentence(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;
}

function flagTable(options: Readonly<Record<string, VerbOption>>): string {
  return `| flag | meaning |\n|---|---|\n${Object.entries(options).map(([name, option]) => `| \`${cell(flagName(name, option))}\` | ${cell(option.help)} |`).join('\n')}`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
