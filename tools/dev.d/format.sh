# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2154
# format: rewrite the C and C++ files as .clang-format says
#
# Usage: tools/dev format [FILE…]
#
# Without files: all of them.

dev_format() {
  local -a files=("$@")
  if (($# == 0)); then mapfile -t files < <(source_files '*.cpp' '*.hpp' '*.c' '*.h'); fi
  clang-format -i "${files[@]}"
}
