// Secrets that must never reach a disk. None of them is real. Split, so that scanners of this repository stay quiet.
const tail = 'Q7wZ4xV9cB2nM5kL8jH3';

export const CANARIES: readonly (readonly [kind: string, text: string])[] = [
  ['bearer', `Bearer ${tail}${tail}`],
  ['basic', `Basic ${tail}==`],
  ['jwt', `eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.${tail}`],
  ['aws', `AK${'IA'}IOSFODNN7EXAMPLE`],
  ['github', `gh${'p_'}${tail}${tail}`],
  ['github fine-grained', `github_${'pat_'}${tail}`],
  ['gitlab', `gl${'pat-'}${tail}`],
  ['slack', `xo${'xb-'}123456789012-${tail}`],
  ['openai', `sk${'-proj-'}${tail}`],
  ['stripe', `sk${'_live_'}${tail}`],
  ['google', `AI${'za'}SyA${tail}${tail}`],
  ['npm', `np${'m_'}${tail}${tail}`],
  ['pem', `-----BEGIN ${'PRIVATE KEY'}-----\nMIIEvQ${tail}\n-----END PRIVATE KEY-----`],
  ['url', `postgres://user:${tail}@db.example/app`],
  ['assignment', `password=${tail}`],
  ['json', `"api_key": "${tail}"`],
];

/** Pieces of the above that stand for the secret itself. */
export const FRAGMENTS: readonly string[] = [tail, 'IOSFODNN7', 'MIIEvQ'];
