# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2154
# check: formatting, clang-tidy, and the syntax of the scripts
#
# Usage: tools/dev check [format|tidy|scripts]…
#
#   format    clang-format changes nothing in any C or C++ file
#   tidy      clang-tidy (.clang-tidy) over every C++ file that the release build compiles
#   scripts   shellcheck over the shell scripts, and the Python files compile
#
# All three unless some are named. A file that clang-tidy has passed is not read again until it, a
# header that it includes, its flags or .clang-tidy change (build/release/tidy-cache).
#
# What it leaves out: ext_postgres/*.c (C built by PGXS, outside of the compile commands; the
# compiler's warnings are errors there); SQL; the house rules on includes, lines and names, and
# that each header compiles alone (`tools/dev test -L tidy`); the tests themselves.

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

dev_check() {
  local -a parts=("$@")
  if (($# == 0)); then parts=(format scripts tidy); fi
  local part start status failed=
  for part in "${parts[@]}"; do
    if ! [[ $part =~ ^(format|tidy|scripts)$ ]]; then
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
