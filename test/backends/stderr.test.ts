import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { StderrLog } from '../../src/backends/stdio/stderr.ts';
import { clock } from './support.ts';

function listening(secrets: readonly string[]): { readonly log: StderrLog; readonly said: string[] } {
  const said: string[] = [];
  return { said, log: new StderrLog({ clock, keepBytes: 65_536, linesPerSecond: 1_000_000, secrets, log: (text) => said.push(text) }) };
}

test('no part of a secret longer than a word is told, wherever chunks, lines and pieces end', () => {
  const secret = 'S3CR3T-0123456789-abcdefghij-KLMNOPQRST';
  fc.assert(fc.property(fc.nat(5000), fc.nat(3000), fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 20 }), fc.boolean(), (before, after, cuts, ended) => {
    const { log, said } = listening([secret]);
    const text = Buffer.from(`${'x'.repeat(before)}${secret}${'y'.repeat(after)}${ended ? '\n' : ''}`);
    for (let at = 0, n = 0; at < text.length; n += 1) {
      const size = cuts[n % cuts.length] ?? 1;
      log.push(text.subarray(at, at + size));
      at += size;
    }
    const tail = log.tail(300);
    log.end();
    for (const told of [said.join('\u0000'), tail]) {
      for (let at = 0; at + 12 <= secret.length; at += 1) assert.ok(!told.includes(secret.slice(at, at + 12)), `${secret.slice(at, at + 12)} after ${before}`);
    }
  }), { numRuns: 300 });
});

test('a secret of several lines is hidden line by line', () => {
  const { log, said } = listening(['-----BEGIN KEY-----\nQUJDREVGRw12345\nSElKS0xN67890\n-----END KEY-----\n']);
  log.push(Buffer.from('it is -----BEGIN KEY-----\nQUJDREVGRw12345\nSElKS0xN67890\n-----END KEY-----\n'));
  assert.doesNotMatch(said.join('\n'), /QUJD|SElK/);
  assert.doesNotMatch(log.tail(20), /SElK|67890/);
});
