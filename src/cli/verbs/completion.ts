// `sentinel completion`: a script for the shell, made from the verbs themselves.
import { printable } from '../../core/text.ts';
import { EXIT } from '../exit.ts';
import { usageFault } from '../faults.ts';
import { allVerbs } from '../table.ts';
import { COMMON_OPTIONS } from '../verb.ts';
import type { Verb, VerbContext } from '../verb.ts';

const completion: Verb = {
  name: 'completion',
  summary: 'print a completion script for bash, zsh or fish',
  usage: '<bash|zsh|fish>',
  examples: [
    { run: 'source <(sentinel completion bash)', does: 'for this shell' },
    { run: 'sentinel completion fish > ~/.config/fish/completions/sentinel.fish', does: 'for every fish from now on' },
  ],
  options: {},
  operands: [1, 1],
  run,
};

export const verbs: readonly Verb[] = [completion];

interface Word {
  /** `kill`, or `token issue`. */
  readonly name: string;
  readonly summary: string;
  readonly flags: readonly string[];
}

async function run(cx: VerbContext): Promise<number> {
  const [shell = ''] = cx.args;
  const script = SCRIPTS.get(shell);
  if (script === undefined) return cx.fail(usageFault(`no completion for "${printable(shell)}"`, `one of ${[...SCRIPTS.keys()].join(', ')}`));
  const words = (await allVerbs()).map((verb): Word => ({
    name: verb.name,
    summary: verb.summary,
    flags: [...Object.keys(verb.options), ...Object.keys(COMMON_OPTIONS)].map((flag) => `--${flag}`),
  }));
  if (cx.json) cx.outJson({ shell, script: script(words) });
  else cx.out(script(words));
  return EXIT.ok;
}

const SCRIPTS: ReadonlyMap<string, (words: readonly Word[]) => string> = new Map([['bash', bash], ['zsh', zsh], ['fish', fish]]);

/** First words with their second words: `token` → issue, inspect, revoke. */
function tree(words: readonly Word[]): ReadonlyMap<string, readonly Word[]> {
  const found = new Map<string, Word[]>();
  for (const word of words) {
    const first = word.name.split(' ')[0] ?? '';
    found.set(first, [...(found.get(first) ?? []), word]);
  }
  return found;
}

function second(word: Word): string | undefined {
  return word.name.split(' ')[1];
}

/** `"first words" case arms`: what may come after each word, in bash's terms; zsh reads them too. */
function arms(words: readonly Word[]): string {
  const lines: string[] = [];
  for (const [first, under] of tree(words)) {
    const subs = under.map(second).filter((sub) => sub !== undefined);
    if (subs.length > 0) lines.push(`    "${first} ") reply="${subs.join(' ')}" ;;`);
    for (const word of under) lines.push(`    "${first} ${second(word) ?? ''}"${subs.length > 0 ? '' : '*'}) reply="${word.flags.join(' ')}" ;;`);
  }
  return lines.join('\n');
}

function bash(words: readonly Word[]): string {
  return `# sentinel completion for bash, made by: sentinel completion bash
_sentinel() {
  local current="\${COMP_WORDS[COMP_CWORD]}" first="" next="" reply=""
  [ "$COMP_CWORD" -gt 1 ] && first="\${COMP_WORDS[1]}"
  [ "$COMP_CWORD" -gt 2 ] && next="\${COMP_WORDS[2]}"
  case "$first $next" in
    " ") reply="${[...tree(words).keys(), 'help'].join(' ')}" ;;
    "help "*) reply="${[...tree(words).keys()].join(' ')}" ;;
${arms(words)}
  esac
  COMPREPLY=($(compgen -W "$reply" -- "$current"))
  [ "\${#COMPREPLY[@]}" -gt 0 ] || COMPREPLY=($(compgen -f -- "$current"))
}
complete -o filenames -F _sentinel sentinel`;
}

function zsh(words: readonly Word[]): string {
  return `#compdef sentinel
# sentinel completion for zsh, made by: sentinel completion zsh
_sentinel() {
  local first="" next="" reply=""
  (( CURRENT > 2 )) && first="\${words[2]}"
  (( CURRENT > 3 )) && next="\${words[3]}"
  case "$first $next" in
    " ") reply="${[...tree(words).keys(), 'help'].join(' ')}" ;;
    "help "*) reply="${[...tree(words).keys()].join(' ')}" ;;
${arms(words)}
  esac
  compadd -- \${=reply} || _files
}
compdef _sentinel sentinel`;
}

function fish(words: readonly Word[]): string {
  const lines = ['# sentinel completion for fish, made by: sentinel completion fish'];
  for (const [first, under] of tree(words)) {
    const [only] = under;
    const summary = under.length === 1 && only !== undefined ? only.summary : under.map(second).join(', ');
    lines.push(`complete -c sentinel -n __fish_use_subcommand -f -a ${first} -d ${fishText(summary)}`);
    for (const word of under) {
      const sub = second(word);
      const here = sub === undefined ? `__fish_seen_subcommand_from ${first}` : `__fish_seen_subcommand_from ${first}; and __fish_seen_subcommand_from ${sub}`;
      if (sub !== undefined) lines.push(`complete -c sentinel -n '__fish_seen_subcommand_from ${first}' -f -a ${sub} -d ${fishText(word.summary)}`);
      for (const flag of word.flags) lines.push(`complete -c sentinel -n '${here}' -l ${flag.slice(2)}`);
    }
  }
  return lines.join('\n');
}

function fishText(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
