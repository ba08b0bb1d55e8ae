// `sentinel version`.
import { EXIT } from '../exit.ts';
import { packageVersion } from '../package.ts';
import type { Verb } from '../verb.ts';

const version: Verb = {
  name: 'version',
  summary: 'print the version',
  usage: '',
  examples: [
    { run: 'sentinel version', does: 'the version of this program' },
    { run: 'sentinel version --json', does: 'with the versions of Node and of the platform' },
  ],
  options: {},
  operands: [0, 0],
  run: async (cx) => {
    const found = packageVersion();
    if (cx.json) cx.outJson({ version: found, node: process.versions.node, platform: `${process.platform}-${process.arch}` });
    else cx.out(`sentinel ${found}`);
    return EXIT.ok;
  },
};

export const verbs: readonly Verb[] = [version];
