// What `sentinel why` found, as people read it. Pure; every text of a stranger passes through `printable`.
import { printable } from '../core/text.ts';
import type { WhyReport } from '../app/why-report.ts';
import { peerText } from './audit-text.ts';
import { shellLine } from './quote.ts';
import { rfc3339, table, wrap } from './render.ts';
import type { VerbContext } from './verb.ts';

type Cx = Pick<VerbContext, 'paint' | 'isTty' | 'width' | 'remedy'>;
type Fact = readonly [name: string, text: string | undefined];

export function whyText(report: WhyReport, cx: Cx): string {
  const facts = [...callFacts(report), ...ruleFacts(report), ...endFacts(report)];
  const lines = facts.flatMap(([name, text]) => (text === undefined || text === '' ? [] : [`${cx.paint.dim(name.padEnd(10))} ${printable(text)}`]));
  const stages = report.stages.map(({ stage, decision, rule, mode, note }) => [stage, decision, rule, mode === 'enforce' ? '' : mode, note ?? '']);
  return [
    verdict(report, cx),
    lines.join('\n'),
    ...(stages.length === 0 ? [] : [table(['STAGE', 'DECISION', 'RULE', 'MODE', 'WHY'], stages, cx)]),
    ...(report.changes.length === 0 ? [] : [changes(report, cx)]),
  ].join('\n\n');
}

function verdict({ decision, ruling, because, asked, who, end }: WhyReport, { paint }: Cx): string {
  const word = decision === undefined ? paint.warn('decision not recorded') : decision === 'deny' ? paint.bad('denied') : ruling === 'deny' ? paint.warn('allowed, though the rules said deny') : paint.good('allowed');
  const target = printable(asked.target ?? asked.exposed ?? asked.method ?? 'a request');
  const head = `${word}: ${target} for ${who.subject === undefined ? 'nobody known' : `${printable(who.subject)} (${who.roles.length === 0 ? 'no role' : printable(who.roles.join(', '))})`}`;
  const ended = end.because === undefined ? '' : `\n${printable(end.because)}`;
  return `${head}\n${printable(because)}${ended}`;
}

function callFacts({ call, at, asked, who, traceId }: WhyReport): readonly Fact[] {
  return [
    ['call', call], ['time', rfc3339(at)], ['asked', [asked.method, asked.exposed].filter((part) => part !== undefined).join(' ')],
    ['class', asked.class], ['arguments', asked.argsBytes === undefined ? undefined : `${asked.argsBytes} bytes`],
    ['issuer', who.issuer], ['scopes', who.scopes === undefined ? undefined : who.scopes.length === 0 ? 'none' : who.scopes.join(' ')],
    ['client', who.client], ['from', [who.surface, who.peer === undefined ? undefined : peerText(who.peer)].filter((part) => part !== undefined).join(' ')], ['trace', traceId],
  ];
}

function ruleFacts({ decidedBy: { stage, rule, mode, severity, owner }, ruling, decision, limits, configuration, present, unjudged }: WhyReport): readonly Fact[] {
  const { revision, hash, fileChanged } = configuration;
  return [
    ['rule', rule === undefined ? undefined : `${rule}${stage === undefined ? '' : ` of stage ${stage}`} (${[mode, severity].filter((part) => part !== undefined).join(', ')})`],
    ['owner', owner], ['done', decision === ruling ? undefined : `${decision}, where the rules said ${ruling}`],
    ['limits', limits?.map(({ scope, limit, windowS }) => `${scope} ${limit} in ${windowS} s`).join(', ')],
    ['config', hash === undefined ? undefined : `revision ${revision ?? '?'}, ${hash.slice(0, 12)}${compared(configuration)}`],
    ['now', present === undefined ? (unjudged === undefined ? undefined : `not said, for ${unjudged}`) : `${present.decision === 'allow' ? 'would be allowed' : 'would be denied'} by ${present.rule}${fileChanged ? ', under the changed file' : ''} (kills, roles and scopes only)`],
  ];
}

function compared({ same, from, revisionNow, hashNow }: WhyReport['configuration']): string {
  if (same === undefined) return '';
  if (from === 'file') return same ? '; the file is still the same (no gateway answers)' : '; the file is another now (no gateway answers)';
  return same ? '; still in force' : `; the running gateway has another (revision ${revisionNow ?? '?'}, ${hashNow.slice(0, 12)})`;
}

function endFacts({ end, tookMs }: WhyReport): readonly Fact[] {
  const parts = Object.entries(tookMs).flatMap(([name, ms]: readonly [string, number | undefined]) => (ms === undefined ? [] : [`${name} ${ms} ms`]));
  return [
    ['end', end.concluded ? `${end.status ?? ''} (${end.code ?? ''})${end.isError === true ? ', isError' : ''}` : 'not concluded'],
    ['fault', end.fault], ['result', end.resultBytes === undefined ? undefined : `${end.resultBytes} bytes`],
    ['attempts', end.attempts === undefined ? undefined : String(end.attempts)], ['took', parts.join(', ')],
    ['page', end.docs === undefined ? undefined : `sentinel explain ${end.docs}`],
  ];
}

function changes({ changes: all }: WhyReport, cx: Cx): string {
  const blocks = all.map(({ text, run }) => {
    const said = wrap(printable(text), Math.max(40, cx.width - 4), '    ').replace(/^ {4}/, '  - ');
    return run === undefined ? said : `${said}:\n      ${commandLine(run, cx)}`;
  });
  return `${cx.paint.dim('What would change it')}\n${blocks.join('\n')}`;
}

/** As it is to be typed; a control character in a name could not be. */
export function commandLine(words: readonly string[], { remedy }: Pick<Cx, 'remedy'>): string {
  return remedy(shellLine(words.map(printable)));
}
