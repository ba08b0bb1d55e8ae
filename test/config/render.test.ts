import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderDiagnostic, renderDiagnostics } from '../../src/config/render.ts';
import { refused, stdio } from './source.ts';

function rendered(text: string): string {
  return renderDiagnostics(refused(text), text);
}

test('a diagnostic is a block that says what, where and how', () => {
  assert.equal(rendered('# x\n[gateway]\nlog_level = "inof"\n'), [
    'error[SEN-0108]: `gateway.log_level` must be "fatal" or "error" or "warn" or "info" or "debug" or "trace", not "inof"',
    '  ┌─ /etc/sentinel/sentinel.toml:3:13',
    '3 │ log_level = "inof"',
    '  │             ^^^^^^',
    '  = help: did you mean "info"?',
    '  = docs: docs/errors/SEN-0108.md',
  ].join('\n'));
});

test('only the key is shown when the key is at fault', () => {
  assert.match(rendered('[auth]\npassword = "hunter2"\n'), /^2 │ password = …\n  │ \^{8}$/m);
  assert.match(rendered(stdio('env = { OK = "hunter2", LD_PRELOAD = "hunter3" }')), /^5 │ … LD_PRELOAD = …\n  │   \^{10}$/m);
  assert.match(rendered('[gatway]\n'), /^1 │ \[gatway\]\n  │  \^{6}$/m);
  assert.match(rendered('[rbac.rols.x]\n'), /^1 │ \[rbac\.rols\.x\]\n  │       \^{4}$/m);
});

test('of a line that is no TOML only its key and its shape are shown, and the mark stands where the fault is', () => {
  assert.match(rendered('[auth]\njwt_secret = hunter2\n'), /^2 │ jwt_secret = ·{7}$/m);
  assert.match(rendered('[gateway]\nlisten = "127.0.0.1:92\n'), /^2 │ listen = "·{12}\n {2}│ +\^$/m);
  assert.match(rendered('[auth\nx = 1\n'), /^1 │ \[····\n {2}│ {6}\^$/m);
  assert.match(rendered('x = """\nhunter2 \\q"""\n'), /^2 │ ·{7} ··"""$/m);
  assert.doesNotMatch(rendered('hunter2\n'), /hunter2/);
});

test('nothing from a file can steer a terminal', () => {
  const shown = renderDiagnostic({ code: 'SEN-0106', severity: 'error', message: 'a\u001b[2Jb\u202ec', file: 'f\u0007', line: 1, column: 1, help: 'x\ry' }, '"k\u001b" = 1');
  assert.doesNotMatch(shown, /[\u0000-\u0009\u000b-\u001f\u202e]/);
});

test('twenty are shown, the rest is counted', () => {
  const text = Array.from({ length: 33 }, (_, index) => `k${index} = 1`).join('\n');
  const shown = rendered(text);
  assert.equal(shown.match(/^error\[/gm)?.length, 20);
  assert.match(shown, /… and 13 more$/);
});
