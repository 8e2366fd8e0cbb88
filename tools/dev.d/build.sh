# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2154
# build: configure and build (release unless told otherwise)
#
# Usage: tools/dev build [PRESET] [ninja arguments…]
#
#   tools/dev build              everything, optimised, into build/release
#   tools/dev build dev          quick to compile, easy to debug, into build/dev
#   tools/dev build asan         with the address and undefined behaviour sanitizers
#   tools/dev build tsan         with the thread sanitizer
#   tools/dev build fuzz fuzz_engine    with clang and libFuzzer (tools/dev fuzz does that)
#   tools/dev build release gmand    one target
#
# Programs land in build/PRESET/bin, the MySQL functions in build/PRESET/lib/gman_udf.so.
# Objects are kept by ccache where you keep them; without a home directory, in build/ccache.

# ccache needs to be told that precompiled headers are fine, and that a path below this checkout
# means the same in another one, as does the directory that debuggers are told of.
export_ccache_settings() {
  local stamps=include_file_mtime,include_file_ctime
  export CCACHE_SLOPPINESS=${CCACHE_SLOPPINESS:-pch_defines,time_macros,$stamps}
  export CCACHE_BASEDIR=${CCACHE_BASEDIR:-$root}
  export CCACHE_NOHASHDIR=${CCACHE_NOHASHDIR-1}
  if [[ -z ${CCACHE_DIR:-} && ! -w ${HOME:-/nonexistent} ]]; then
    export CCACHE_DIR=$root/build/ccache
  fi
}

dev_build() {
  local preset=release
  if [[ ${1:-} =~ ^(release|dev|asan|tsan|fuzz)$ ]]; then
    preset=$1
    shift
  fi
  local start=$SECONDS
  export_ccache_settings
  # Ninja configures again by itself when a CMake file has changed.
  if [[ ! -f build/$preset/build.ninja ]]; then
    cmake --preset "$preset" || die "configuring failed; does tools/dev deps have to run first?"
  fi
  ninja -C "build/$preset" -j "$(jobs_max)" "$@"
  say "built build/$preset in $(seconds_since "$start")"
}
