# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2154
# fuzz: throw bytes at the parsers, the engine and the client core, until something breaks
#
# Usage: tools/dev fuzz [TARGET] [--seconds N]
#
#   TARGET        framing, request, admin, engine or client; otherwise all of them, in turn
#   --seconds N   how long for each target (60 unless told otherwise)
#
#   tools/dev fuzz engine --seconds 3600
#
# Builds build/fuzz (clang, libFuzzer, the address and undefined behaviour sanitizers) and starts
# from the kept inputs, tests/fuzz/corpus/TARGET, and from what earlier runs have found,
# build/fuzz/found/TARGET. An input that breaks something is written to tests/fuzz/corpus/TARGET as
# crash-…, where `tools/dev test -L fuzz` replays it from then on: mend the cause, and commit both.

fuzz_targets=(framing request admin engine client)

fuzz_one() {
  local target=$1 seconds=$2
  local kept=tests/fuzz/corpus/$target found=build/fuzz/found/$target
  mkdir -p "$found"
  say "fuzzing $target for $seconds s"
  # Half a minute for one input is a hang; long inputs find little that short ones do not.
  "build/fuzz/bin/tests/fuzz_$target" -max_total_time="$seconds" -max_len=4096 -timeout=30 \
    -print_final_stats=1 -artifact_prefix="$kept/" "$found" "$kept"
}

dev_fuzz() {
  local seconds=60
  local -a targets=()
  while (($#)); do
    case $1 in
      --seconds)
        [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || usage_error fuzz "--seconds wants a number"
        seconds=$2
        shift
        ;;
      *)
        [[ " ${fuzz_targets[*]} " == *" $1 "* ]] || usage_error fuzz "unknown target '$1'"
        targets+=("$1")
        ;;
    esac
    shift
  done
  if ((${#targets[@]} == 0)); then targets=("${fuzz_targets[@]}"); fi
  run deps
  run build fuzz "${targets[@]/#/fuzz_}"
  local target
  local -a broken=()
  for target in "${targets[@]}"; do
    fuzz_one "$target" "$seconds" || broken+=("$target")
  done
  if ((${#broken[@]})); then
    die "broken: ${broken[*]}; the inputs are tests/fuzz/corpus/TARGET/crash-* (or timeout-, leak-)"
  fi
}
