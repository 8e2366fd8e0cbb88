# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2154
#
# What several subcommands share. Sourced by tools/dev, which has set root and changed into it.

# The system's Python: the one whose version and modules the packages promise.
# shellcheck disable=SC2034
python=/usr/bin/python3

say() { printf '== %s\n' "$*" >&2; }

die() {
  printf 'tools/dev: %s\n' "$*" >&2
  exit 1
}

# A mistake in how the command was called, as opposed to something that went wrong.
usage_error() {
  printf 'tools/dev %s: %s (see tools/dev %s --help)\n' "$1" "$2" "$1" >&2
  exit 2
}

# Runs another subcommand in this shell; sourcing defines its function.
run() {
  # shellcheck source=/dev/null
  source "$root/tools/dev.d/$1.sh"
  "dev_$1" "${@:2}"
}

seconds_since() { printf '%d s' "$((SECONDS - $1))"; }

# Two jobs on two cores; never more than fits: an Asio file takes most of a gigabyte to compile.
jobs_max() {
  local cores memory_gib
  cores=$(nproc)
  memory_gib=$(awk '/^MemAvailable:/ { print int($2 / 1048576) }' /proc/meminfo)
  echo $((cores < memory_gib ? cores : (memory_gib > 1 ? memory_gib : 1)))
}

# Every tracked or new file that matches the patterns and still exists.
source_files() {
  git ls-files --cached --others --exclude-standard -- "$@" | while IFS= read -r file; do
    if [[ -f $file ]]; then echo "$file"; fi
  done
}
