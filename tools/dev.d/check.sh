# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2154
# check: formatting, clang-tidy, the syntax of the scripts; the sanitizers by --deep
#
# Usage: tools/dev check [format|tidy|scripts|asan|tsan]… [--deep]
#
#   format    clang-format changes nothing in any C or C++ file
#   tidy      clang-tidy (.clang-tidy) over every C++ file that the release build compiles; of
#             tests and benchmarks without the static analyzer
#   scripts   shellcheck over the shell scripts, and the Python files compile
#   asan      the tests labelled unit, sim, fuzz and integration under the address and undefined
#             behaviour sanitizers, in build/asan
#   tsan      the same under the thread sanitizer, in build/tsan
#
# The first three unless some are named; --deep adds the last two, which take long to build.
# A file that clang-tidy has passed is not read again until it, a header that it includes, its
# flags or .clang-tidy change (build/release/tidy-cache).
#
# What it leaves out: ext_postgres/*.c (C built by PGXS, outside of the compile commands; the
# compiler's warnings are errors there); SQL; the house rules on includes, lines and names, and
# that each header compiles alone (`tools/dev test -L tidy`); the tests themselves, but for asan
# and tsan. These leave out the tests labelled cli, compat, mysql, postgres and e2e, hence the
# command `gman`, the database functions and the programs of Narada, and Narada's own unit tests;
# the MySQL functions are called by the threads of a stand-in for the server.

check_format() {
  local -a files
  mapfile -t files < <(source_files '*.cpp' '*.hpp' '*.c' '*.h')
  local -a different
  mapfile -t different < <(clang-format --dry-run "${files[@]}" 2>&1 |
    sed -n 's/:.*\[-Wclang-format-violations\]$//p' | sort -u)
  if ((${#different[@]})); then
    printf '%s\n' "${different[@]}" "tools/dev format would change these"
    return 1
  fi
}

check_tidy() {
  if [[ ! -f build/release/compile_commands.json ]]; then cmake --preset release; fi
  "$python" -B tools/clang_tidy.py build/release --jobs "$(jobs_max)"
}

shell_scripts() {
  source_files '*.sh'
  source_files 'tools/*' '.ci/*' | while IFS= read -r file; do
    if [[ $file != *.* || $file == .ci/* ]] && head -n 1 "$file" | grep -q '^#!.*sh$'; then
      echo "$file"
    fi
  done
}

check_scripts() {
  local -a scripts modules
  mapfile -t scripts < <(shell_scripts | sort -u)
  shellcheck -x "${scripts[@]}"
  mapfile -t modules < <(source_files '*.py')
  "$python" -B - "${modules[@]}" <<'PYTHON'
import sys
for name in sys.argv[1:]:
    with open(name, encoding="utf-8") as file:
        compile(file.read(), name, "exec")
PYTHON
}

# The tests that need nothing but what we build, where a sanitizer watches every step.
sanitized_tests() {
  local preset=$1
  say "$preset: labels unit sim fuzz integration; left out: cli compat mysql postgres e2e tidy"
  run build "$preset" deep
  ctest --test-dir "build/$preset" --output-on-failure -j "$(jobs_max)" \
    -L '^(unit|sim|fuzz|integration)$'
}

check_asan() { sanitized_tests asan; }

check_tsan() { sanitized_tests tsan; }

dev_check() {
  local -a parts=()
  local word deep=
  for word in "$@"; do
    if [[ $word == --deep ]]; then deep=yes; else parts+=("$word"); fi
  done
  if ((${#parts[@]} == 0)); then parts=(format scripts tidy); fi
  if [[ $deep ]]; then parts+=(asan tsan); fi
  local part start status failed=
  for part in "${parts[@]}"; do
    if ! [[ $part =~ ^(format|tidy|scripts|asan|tsan)$ ]]; then
      usage_error check "unknown part '$part'"
    fi
  done
  for part in "${parts[@]}"; do
    start=$SECONDS
    # Not as a condition: there, bash would not stop at the first command that fails.
    set +e
    (
      set -e
      "check_$part"
    )
    status=$?
    set -e
    if ((status == 0)); then
      say "$part: good ($(seconds_since "$start"))"
    else
      failed+=" $part"
      say "$part: FAILED ($(seconds_since "$start"))"
    fi
  done
  if [[ -n $failed ]]; then die "check failed:$failed"; fi
}
