// Numbers as every reader of a record can take them.
import { cut } from '../core/text.ts';

const UNITS = 64;
/** PostgreSQL's jsonb refuses exponents it cannot expand; the view must never fail on what an agent sent. */
const TAME = /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?$/;

/** As it was written, or as a text. */
export function tameNumber(lexeme: string): string {
  return lexeme.length <= UNITS && TAME.test(lexeme) ? lexeme : JSON.stringify(cut(lexeme, UNITS));
}
