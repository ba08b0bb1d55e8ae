// Says when a shell lacks the database's URL: it would otherwise read and write another store than the gateway, and be believed.
import type { Configuration } from '../app/configuration.ts';
import { printable } from '../core/text.ts';
import type { VerbContext } from './verb.ts';

/** Code of the warning that a PostgreSQL is configured and its variable is not set. */
const EMBEDDED = 'SEN-0158';

export function tellEmbedded(cx: Pick<VerbContext, 'err'>, { warnings }: Pick<Configuration, 'warnings'>): void {
  for (const warning of warnings) if (warning.code === EMBEDDED) cx.err(`warning: ${printable(warning.message)}`);
}
