// Remedies as they are to be typed: a command that is proposed must mean the configuration that was meant when it was proposed. Pure.
import { shellWord } from './quote.ts';

/** Verbs that read a configuration or ask its gateway. Not `help`, and not `explain SEN-nnnn`, which is a page. */
const COMMAND = /\bsentinel (?:check|doctor|reload|serve|status|stop|tools|kills|init|token (?:issue|inspect|revoke)|keys (?:list|rotate)|audit (?:tail|query|show|stats|reveal|forget|verify|export)|unkill|why|explain(?! SEN-)|connect [a-z]+)\b(?! --(?:config|help))/g;

/** `config`: as it was given with --config; without it commands find the same file by themselves. */
export function withConfig(text: string, config: string | undefined): string {
  return config === undefined ? text : text.replaceAll(COMMAND, (command) => `${command} --config ${shellWord(config)}`);
}
