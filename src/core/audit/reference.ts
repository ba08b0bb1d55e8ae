// The language of filters explained from its own table: for `sentinel audit filter` and for the page on the audit's format.
import { FIELD_GROUPS, operatorsOf, valuesOf, type Field } from './fields.ts';

export interface FieldView {
  readonly field: string;
  readonly group: string;
  readonly means: string;
  readonly operators: readonly string[];
  readonly values: string;
}

export function fieldViews(): readonly FieldView[] {
  return FIELD_GROUPS.flatMap(({ title, fields }) => fields.map((field) => ({ field: field.name, group: title, means: field.means, operators: operatorsOf(field), values: valuesOf(field) })));
}

/** Paragraphs of plain text; in code marks what is typed. */
export const LANGUAGE: readonly string[] = [
  'A filter is a condition on records: terms `field operator value`, joined by `and`, `or`, `not` and brackets; `and` binds closer than `or`.',
  'Operators: `=` `!=`, of what has an order also `<` `<=` `>` `>=`, and `in (a, b)` for any of several values; `not in` and `!=` are for none of them.',
  '`since 2h` and `until 2026-11-21T00:00Z` bound the time: by a span back from now (`90s`, `30m`, `2h`, `7d`) or by a moment with its offset. What is since is included, what is until is not. Where a filter stands in a configuration there is no now, and moments only.',
  'A value is a bare word, or a text in single or double quotes where it holds spaces, brackets, commas, quotes, backslashes or signs of operators. `*` stands for any characters or none and `?` for one; in quotes `\\*` and `\\?` are themselves, and `\\\\`, `\\"`, `\\\'`, `\\n`, `\\r`, `\\t`, `\\u0041` and `\\u{1f600}` mean what they mean in JSON. Upper and lower case differ in values.',
  'What a record does not have is equal to nothing and neither more nor less than anything: every comparison with it is false, so `subject != alice` and `not subject = alice` are both true of a record without a subject. `subject = *` asks whether there is one. A sum is that of the parts a record has.',
];

export const FILTER_EXAMPLES: readonly (readonly [filter: string, finds: string])[] = [
  ['decision = deny and tool = "github/*" and not role = admin', 'what was refused to others than admins on one backend'],
  ['since 2h and code in (timeout, exited)', 'backends that failed in the last two hours'],
  ['took > 500ms or bytes > 1MiB', 'slow or large calls'],
  ['ruling = deny and decision = allow', 'what a rule in monitor or shadow would have refused'],
  ['event = killed and ts >= 2026-11-21T00:00Z', 'kills since a moment'],
  ['class = changing and severity >= high', 'calls that may change something, by rules that matter'],
];

/** One line each: `decision  = != in  allow or deny    what was done`. */
export function fieldLines(): string {
  const rows = FIELD_GROUPS.flatMap(({ fields }) => fields.map((field) => [field.name, valuesOf(field)] as const));
  const [names, values] = [0, 1].map((column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  const line = (field: Field): string => `  ${field.name.padEnd(names ?? 0)}  ${valuesOf(field).padEnd(values ?? 0)}  ${field.means}`;
  return FIELD_GROUPS.map(({ title, fields }) => `${title}\n${fields.map(line).join('\n')}`).join('\n\n');
}

/** A section of a page in Markdown. */
export function filterPage(): string {
  const cell = (text: string): string => text.replaceAll('|', '\\|');
  const row = (field: Field): string => `| \`${field.name}\` | ${operatorsOf(field).map((sign) => `\`${sign}\``).join(' ')} | ${cell(valuesOf(field))} | ${cell(field.means)} |`;
  const tables = FIELD_GROUPS.map(({ title, fields }) => `**${title}**\n\n| field | operators | value | |\n|---|---|---|---|\n${fields.map(row).join('\n')}`);
  const examples = `| filter | finds |\n|---|---|\n${FILTER_EXAMPLES.map(([filter, finds]) => `| \`${cell(filter)}\` | ${finds} |`).join('\n')}`;
  return [...LANGUAGE, examples, ...tables].join('\n\n');
}
