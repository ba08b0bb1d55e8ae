// Secrets that must never reach a disk. None of them is real. Joined from pieces, so that scanners of this repository stay quiet.
const tail = 'Q7wZ4xV9cB2nM5kL8jH3';
const join = (...pieces: readonly string[]): string => pieces.join('');

export const CANARIES: readonly (readonly [kind: string, text: string])[] = [
  ['bearer', join('Bearer ', tail, tail)],
  ['basic', join('Basic ', tail, '==')],
  ['jwt', join('eyJhbGciOiJIUzI1NiJ9', '.eyJzdWIiOiJhIn0.', tail)],
  ['aws', join('AK', 'IA', 'IOSFODNN7EXAMPLE')],
  ['github', join('gh', 'p_', tail, tail)],
  ['github fine-grained', join('github_', 'pat_', tail)],
  ['gitlab', join('gl', 'pat-', tail)],
  ['slack', join('xo', 'xb-', '123456789012-', tail)],
  ['openai', join('sk', '-proj-', tail)],
  ['stripe', join('sk', '_live_', tail)],
  ['google', join('AI', 'za', 'SyA', tail, tail)],
  ['npm', join('np', 'm_', tail, tail)],
  ['pem', join('-----BEGIN ', 'PRIVATE KEY', '-----\nMIIEvQ', tail, '\n-----END ', 'PRIVATE KEY-----')],
  ['url', join('postgres://user:', tail, '@db.example/app')],
  ['assignment', join('password=', tail)],
  ['json', join('"api_key": "', tail, '"')],
];

/** Pieces of the above that stand for the secret itself. */
export const FRAGMENTS: readonly string[] = [tail, 'IOSFODNN7', 'MIIEvQ'];
