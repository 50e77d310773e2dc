# What every script shares: where the project is, how it speaks, and how it gets packages. Sourced, never run.
# shellcheck shell=bash

script="$(cd "$(dirname "$0")" && pwd)/$(basename "$0")"
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$root" || exit 1
logs="$root/build/logs"
mkdir -p "$logs"

# Paths relative to the checkout inside hashes and debug info: a second checkout hits the cache of the first.
# A miss costs the compiler alone: what a unit depends on is what the compiler said, nothing is preprocessed for the cache.
export CCACHE_BASEDIR="$root" CCACHE_NOHASHDIR=1 CCACHE_PCH_EXTSUM=1 CCACHE_SLOPPINESS=pch_defines,time_macros CCACHE_DEPEND=1

say() { printf '== %s\n' "$*"; }
warn() { printf '%s: %s\n' "${script##*/}" "$*" >&2; }
die() {
  warn "$*"
  exit 1
}

# usage: the script's own comment block is its help.
usage() {
  sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$script"
  exit "${1:-0}"
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "needs root for: $*"
  fi
}

# need_packages NAME…: installs those Debian packages that are missing, and does nothing else when none is.
need_packages() {
  local installed missing=() name
  # A package that dpkg never heard of is an error of dpkg-query and, to us, simply missing.
  installed=" $(dpkg-query -W -f '${Package}=${db:Status-Status} ' "$@" 2>/dev/null || true)"
  for name in "$@"; do
    [[ $installed == *" $name=installed "* ]] || missing+=("$name")
  done
  [ ${#missing[@]} = 0 ] && return
  say "installing ${#missing[@]} Debian packages: ${missing[*]}"
  local log="$logs/apt.log"
  if ! { apt_quietly update && apt_quietly install -y --no-install-recommends "${missing[@]}"; } 2>&1 |
    tee "$log" | apt_progress; then
    tail -n 20 "$log" >&2
    die "could not install ${missing[*]}; the whole log is $log"
  fi
}

apt_quietly() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o Dpkg::Use-Pty=0 -o Acquire::Retries=3 "$@"
}

apt_progress() {
  local line total='?' done=0
  while IFS= read -r line; do
    case $line in
      *' newly installed,'*) total="$(sed -n 's/.* \([0-9]*\) newly installed.*/\1/p' <<<"$line")" ;;
      'Need to get'*) printf '   %s\n' "$line" ;;
      'Setting up '*)
        done=$((done + 1))
        line="${line#Setting up }"
        printf '   %s/%s %s\n' "$done" "$total" "${line%% *}"
        ;;
    esac
  done
}

hash_of() { cat "$@" | sha256sum | cut -c1-64; }

# tracked_files PATTERN…: the project's own files, those not committed yet included, without what is ignored.
tracked_files() {
  if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    git ls-files --cached --others --exclude-standard -- "$@" | while IFS= read -r file; do
      [ -f "$file" ] && printf '%s\n' "$file"
    done
  else
    local names=() pattern
    for pattern in "$@"; do names+=(-o -name "$pattern"); done
    find . \( -path ./build -o -path ./node_modules -o -path ./.venv -o -path ./.kafka -o -path ./data \) -prune -o \
      -type f \( "${names[@]:1}" \) -print | sed 's|^\./||'
  fi
}

# Two cores' worth of Beast needs room: one compiler job for each 1.5 GiB, at most one a core.
build_jobs() {
  local memory_gib cores
  memory_gib="$(awk '/^MemTotal/ {print int($2 / 1048576)}' /proc/meminfo)"
  cores="$(nproc)"
  local jobs=$((memory_gib * 2 / 3))
  [ "$jobs" -lt 1 ] && jobs=1
  [ "$jobs" -gt "$cores" ] && jobs=$cores
  printf '%s\n' "${GT_JOBS:-$jobs}"
}
