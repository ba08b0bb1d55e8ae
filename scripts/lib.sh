# Shared by every script here: finds or fetches the right Node, installs from the lockfile. Sourced, never run.
# May not write to stdout (sentinel's stdout is protocol or data) and speaks on stderr only when it did something.

# npm's advice to update itself is none of ours.
export npm_config_update_notifier=false

root=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

# One set-up at a time: an MCP client may start several copies of scripts/sentinel at once on a fresh clone.
lock_setup() {
  local lock="$root/.runtime/setup.lock" waited=0 holder
  mkdir -p "$root/.runtime" || die "cannot write to $root/.runtime"
  until mkdir "$lock" 2>/dev/null; do
    holder=$(cat "$lock/pid" 2>/dev/null || true)
    if [ -n "$holder" ] && ! kill -0 "$holder" 2>/dev/null; then rm -rf "$lock"; continue; fi
    [ "$waited" -lt 600 ] || die "another set-up has held $lock for 10 minutes; remove it if none is running"
    sleep 1; waited=$((waited + 1))
  done
  echo "$$" >"$lock/pid"
  trap 'rm -rf "$root/.runtime/setup.lock"' EXIT
}
unlock_setup() { rm -rf "$root/.runtime/setup.lock"; trap - EXIT; }

# npm trusts only the roots compiled into Node. Where a network's own root stands in the system's store, an empty HOME
# (no .npmrc) would otherwise end in SELF_SIGNED_CERT_IN_CHAIN. Adds the machine's own trust; turns nothing off.
trust_system_roots() {
  local bundle
  [ -z "${NODE_EXTRA_CA_CERTS:-}" ] || return 0
  for bundle in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
    [ -r "$bundle" ] && export NODE_EXTRA_CA_CERTS="$bundle" && return 0
  done
  return 0
}

node_package() {
  local os arch
  case "$(uname -s)" in Linux) os=linux ;; Darwin) os=darwin ;; *) return 1 ;; esac
  case "$(uname -m)" in x86_64 | amd64) arch=x64 ;; aarch64 | arm64) arch=arm64 ;; *) return 1 ;; esac
  printf 'node-%s-%s\n' "$os" "$arch"
}

# Type stripping without a flag or a warning is stable from 24.12.
new_enough() {
  local version major minor
  version=$("$1" --version 2>/dev/null) || return 1
  version=${version#v}
  major=${version%%.*}; minor=${version#*.}; minor=${minor%%.*}
  [ "$major" -gt 24 ] || { [ "$major" -eq 24 ] && [ "$minor" -ge 12 ]; }
}

pinned_node() { # prints the path of the fetched Node when it is there, of the pinned version, and complete
  local package dir
  package=$(node_package) || return 1
  dir="$root/.runtime/node_modules/$package"
  [ -x "$dir/bin/node" ] && grep -q "\"version\": \"$(cat "$root/.node-version")\"" "$dir/package.json" 2>/dev/null || return 1
  printf '%s\n' "$dir/bin/node"
}

find_node() {
  NODE=$(pinned_node) && return 0
  NODE=$(command -v node) && new_enough "$NODE"
}

fetch_node() {
  local package version before
  version=$(cat "$root/.node-version")
  before=$(node --version 2>/dev/null || echo none)
  package=$(node_package) || die "no prebuilt Node for $(uname -s) $(uname -m): put Node $version on PATH"
  command -v npm >/dev/null || die "npm is needed once to fetch Node $version (or put Node 24.12 or newer on PATH)"
  (
    trust_system_roots
    npm install --prefix "$root/.runtime" --ignore-scripts --no-save --no-audit --no-fund --loglevel=error \
      "$package@$version" >/dev/null
  ) || die "could not fetch $package@$version"
  NODE=$(pinned_node) || die "$package@$version did not bring bin/node"
  say "node: fetched $version into .runtime (PATH has $before)"
}

lock_digest() {
  if command -v sha256sum >/dev/null; then sha256sum <"$root/package-lock.json"; else shasum -a 256 <"$root/package-lock.json"; fi | cut -d' ' -f1
}
stamp_file() { printf '%s\n' "$root/node_modules/.sentinel-lock-digest"; }
installed() { [ "$(cat "$(stamp_file)" 2>/dev/null)" = "$(lock_digest)" ]; }
stamp_install() { lock_digest >"$(stamp_file)"; }

run_npm() ( # npm run by the right Node, whatever the shebang of the one on PATH says
  trust_system_roots
  command -v npm >/dev/null || die "npm is needed to install from the lockfile"
  cli=$(readlink -f "$(command -v npm)")
  case "$cli" in
    *.js) PATH="$(dirname "$NODE"):$PATH" "$NODE" "$cli" "$@" ;;
    *) PATH="$(dirname "$NODE"):$PATH" npm "$@" ;;
  esac
)

install_packages() {
  (cd "$root" && run_npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null) || die "npm ci failed"
  stamp_install
  say "packages: installed from package-lock.json"
}

# Leaves NODE set to a Node that runs the source unbuilt, with the packages of the lockfile in place.
bootstrap() {
  if ! find_node || ! installed; then
    lock_setup
    find_node || fetch_node
    installed || install_packages
    unlock_setup
  fi
  export NODE
}

# --disable-sigusr1: no signal may open the inspector of a daemon that holds secrets.
# --disable-proto=throw: a payload's __proto__ must never reach a prototype, and a library that tries is found at once.
run_sentinel() {
  bootstrap
  exec "$NODE" --disable-sigusr1 --disable-proto=throw "$root/src/cli/main.ts" "$@"
}
