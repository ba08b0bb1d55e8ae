// What a stdio backend is started with: command, arguments, environment. Nothing here may let a child load foreign code or see the gateway's secrets.
import type { Secret } from '../core/secret.ts';
import type { Account } from '../core/settings.ts';
import type { SecretText } from './keys.ts';
import type { Path } from './locate.ts';
import { quoted } from './problems.ts';
import type { Context } from './section.ts';
import { hasVariable, looksLikeVariable, pathOf } from './secrets.ts';

const NAME = /^[A-Za-z][A-Za-z0-9_-]{0,31}$/;

export function checkName(name: string, path: Path, context: Context): void {
  if (NAME.test(name) && !name.includes('__') && !name.endsWith('_')) return;
  context.problem('backend_name', path, `${quoted(name)} cannot be the name of a backend`);
}

/** H03: a name is looked up once, at load; a relative path starts at the configuration file, never at the working directory. */
export function commandOf(command: string, path: Path, context: Context): string {
  const place = command.includes('/') || command.startsWith('~') ? pathOf(command, context.directory, context.home) : command;
  if (context.which === undefined) return place;
  const found = context.which(place);
  if (found === undefined) context.problem('command_missing', [...path, 'command'], `the command ${quoted(place)} was not found`);
  return found ?? place;
}

/** H13: looked up once, at load. A user that cannot be had is an error: the gateway's own would be more than was asked for. */
export function accountOf(name: string | undefined, path: Path, context: Context): Account | undefined {
  if (name === undefined) return undefined;
  const place: Path = [...path, 'run_as'];
  const found = context.account?.(name);
  if (found?.ok === true) return found.value;
  context.problem('run_as', place, `\`run_as = ${quoted(name)}\`: ${found?.error.message ?? 'users are not known here'}`, found?.error.help);
  return undefined;
}

/** H05: arguments can be read by every user of the machine. */
export function checkArgs(args: readonly string[], path: Path, context: Context): void {
  for (const [index, arg] of args.entries()) {
    if (hasVariable(arg)) context.problem('interpolation', [...path, 'args', index], '`${env:…}` is not replaced in `args`: other users of the machine could read the secret', 'pass it by `env`');
  }
}

/** Variables by which a program, its loader or its interpreter takes code from elsewhere (H04): exact names, then beginnings. */
const LOADERS: ReadonlySet<string> = new Set([
  'GCONV_PATH', 'NODE_OPTIONS', 'NODE_REPL_EXTERNAL_MODULE', 'NODE_EXTRA_CA_CERTS', 'NODE_TLS_REJECT_UNAUTHORIZED', 'ELECTRON_RUN_AS_NODE',
  'PYTHONPATH', 'PYTHONHOME', 'PYTHONSTARTUP', 'PYTHONINSPECT', 'PYTHONUSERBASE', 'PYTHONWARNINGS', 'PYTHONBREAKPOINT',
  'BASH_ENV', 'ENV', 'BASHOPTS', 'SHELLOPTS', 'PROMPT_COMMAND', 'PS4', 'IFS',
  'PERLLIB', 'PERL5LIB', 'PERL5OPT', 'PERL5DB', 'RUBYOPT', 'RUBYLIB', 'PHPRC', 'PHP_INI_SCAN_DIR',
  'JAVA_TOOL_OPTIONS', '_JAVA_OPTIONS', 'JDK_JAVA_OPTIONS', 'CLASSPATH', 'DOTNET_STARTUP_HOOKS',
  'GIT_SSH', 'GIT_SSH_COMMAND', 'GIT_EXTERNAL_DIFF', 'GIT_ASKPASS', 'GIT_EXEC_PATH', 'GIT_TEMPLATE_DIR',
]);
const LOADER_BEGINNINGS = /^(LD_|DYLD_|BASH_FUNC_|LUA_(PATH|CPATH|INIT)|GIT_CONFIG|CORECLR_)/;
/** npm takes its settings in any case of letters. */
const NPM_LOADERS = /^npm_config_(registry|prefix|node_options|script_shell|userconfig|globalconfig|ignore_scripts)$/i;
const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_.-]*$/;
/** A name that says its value is a secret, and a value too long to be a word. */
const SECRET_NAME = /(KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)$/i;
const SECRET_LENGTH = 8;

export function childEnv(env: Readonly<Record<string, SecretText>>, unsafe: boolean, path: Path, context: Context): Readonly<Record<string, Secret>> {
  const result: Record<string, Secret> = {};
  for (const [name, text] of Object.entries(env)) {
    const place: Path = [...path, 'env', name];
    checkVariable(name, unsafe, place, context);
    if (typeof text === 'string') tellInline(name, text, place, context);
    const value = context.secrets.forBackend(text, place);
    if (value !== undefined) result[name] = value;
  }
  return result;
}

function checkVariable(name: string, unsafe: boolean, place: Path, context: Context): void {
  if (!VARIABLE_NAME.test(name)) context.problem('value', place, `${quoted(name)} cannot be the name of a variable`, undefined, 'key');
  else if (!unsafe && loadsCode(name)) context.problem('unsafe_env', place, `${name} makes programs load code from elsewhere`);
}

function loadsCode(name: string): boolean {
  return LOADERS.has(name) || LOADER_BEGINNINGS.test(name) || NPM_LOADERS.test(name);
}

function tellInline(name: string, text: string, place: Path, context: Context): void {
  if (looksLikeVariable(text)) context.problem('not_interpolated', place, `the value of \`${name}\` looks like a variable and is passed as it stands`);
  else if (!hasVariable(text) && SECRET_NAME.test(name) && text.length >= SECRET_LENGTH) context.problem('secret_inline', place, `\`${name}\` looks like a secret and stands in the file in clear`);
}

export function passthrough(names: readonly string[], unsafe: boolean, path: Path, context: Context): readonly string[] {
  for (const [index, name] of names.entries()) {
    const place: Path = [...path, 'env_passthrough', index];
    checkVariable(name, unsafe, place, context);
    if (context.secrets.isOwn(name)) context.problem('unsafe_env', place, `${name} holds a secret of the gateway itself and is never given to a backend`);
  }
  return names;
}
