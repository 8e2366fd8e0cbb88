# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2154
# pg-assert: the extension's tests in a PostgreSQL that checks itself
#
# Usage: tools/dev pg-assert [TEST…]
#
#   tools/dev pg-assert             all of tests/postgres
#   tools/dev pg-assert regress     the tests whose names have this in them
#
# Builds Debian's source of PostgreSQL with --enable-cassert, below build/pg-assert, once: some
# minutes on two cores, 400 MB. Memory that was freed is overwritten there, and what the server
# holds true of its own structures is looked at again and again; a backend in which something is
# wrong ends with TRAP in the server's log, and so fails the test. Needs a mirror that has sources.
# Not part of CI.

pg_assert_version=15
pg_assert_place=build/pg-assert

# Into the folder; apt's own lists and settings stay as they are.
download_postgres_source() {
  local place=$1
  local -a options=(-o "Dir::State::Lists=$place/lists" -o "Dir::Cache=$place/cache"
    -o "Dir::Etc::SourceList=$place/sources.list" -o Dir::Etc::SourceParts=/dev/null)
  mkdir -p "$place/lists/partial" "$place/cache/archives/partial"
  # shellcheck disable=SC2016
  apt-get indextargets --format 'deb-src $(REPO_URI) $(RELEASE) $(COMPONENT)' \
    'Created-By: Packages' | sort -u >"$place/sources.list"
  apt-get "${options[@]}" -qq update
  # The newest that the mirror has: one that it lists may be gone.
  local version
  for version in $(apt-cache "${options[@]}" showsrc "postgresql-$pg_assert_version" |
    sed -n 's/^Version: //p' | sort -Vru); do
    if (cd "$place" && apt-get "${options[@]}" -qq source --download-only \
      "postgresql-$pg_assert_version=$version"); then
      return
    fi
  done
  return 1
}

build_postgres() {
  local place=$1
  mkdir -p "$place"
  if ! compgen -G "$place/*.dsc" >/dev/null; then
    say "pg-assert: fetching the source of PostgreSQL $pg_assert_version"
    download_postgres_source "$place" || die "the source of PostgreSQL could not be fetched: does \
the mirror have deb-src?"
  fi
  say "pg-assert: building PostgreSQL $pg_assert_version with assertions"
  rm -rf "$place/source" "$place/objects"
  mkdir "$place/objects"
  dpkg-source --no-check -x "$place"/*.dsc "$place/source" >/dev/null
  (
    # Outside of the sources, as Debian does: what is built within serves no extension that is not.
    cd "$place/objects"
    ../source/configure --enable-cassert --enable-debug --without-readline --without-icu \
      --without-zlib CC="ccache gcc" CFLAGS="-O1 -g1" >"$place/configure.log" 2>&1
    make -s -j "$(jobs_max)" >"$place/make.log" 2>&1
    # Debian's patches name the system's directories, whatever configure is told: it is to go below
    # this one in any case. The programs find their files from where they are themselves.
    make -s install DESTDIR="$place/server" >>"$place/make.log" 2>&1
  ) || die "PostgreSQL could not be built: see $pg_assert_place/configure.log and make.log"
  rm -rf "$place/source" "$place/objects"
}

dev_pg-assert() {
  local wanted=${1:-} place=$root/$pg_assert_place pg_config test name failed=
  [[ $wanted != -* ]] || usage_error pg-assert "unknown option '$wanted'"
  run deps
  run build
  if [[ ! -d $place/server ]]; then build_postgres "$place"; fi
  pg_config=$(find "$place/server" -name pg_config -type f | head -n 1)
  [[ -n $pg_config ]] || die "$pg_assert_place/server is not complete: remove it and try again"
  # The tests find gmand in their build directory, and build the extension there.
  ln -sfn "$root/build/release/bin" "$place/bin"
  ln -sfn "$root/build/release/CMakeCache.txt" "$place/CMakeCache.txt"
  for test in tests/postgres/*_test.py; do
    name=$(basename "$test" _test.py)
    # It looks at a build by itself, and no server runs; the store has no code in the server.
    if [[ $name != *"$wanted"* || $name == pgxs || $name == store ]]; then continue; fi
    say "pg-assert: $name"
    PG_CONFIG=$pg_config GMAN_BUILD_DIR=$place \
      PYTHONPATH=$root/tests/support "$python" -B "$test" || failed+=" $name"
  done
  if [[ -n $failed ]]; then die "pg-assert failed:$failed"; fi
  say "pg-assert: good"
}
