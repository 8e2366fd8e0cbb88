# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2154
#
# A PostgreSQL that is built from Debian's source, for pg-assert and pg-valgrind: all of it goes
# below build/, and nothing of the system's is touched. Sourced by these, and no subcommand itself.

postgres_source_version=15
postgres_source_place=build/pg-source

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
  for version in $(apt-cache "${options[@]}" showsrc "postgresql-$postgres_source_version" |
    sed -n 's/^Version: //p' | sort -Vru); do
    if (cd "$place" && apt-get "${options[@]}" -qq source --download-only \
      "postgresql-$postgres_source_version=$version"); then
      return
    fi
  done
  return 1
}

# build_postgres PLACE CPPFLAGS: below PLACE/server, with assertions, unless it is there.
build_postgres() {
  local place=$root/$1 flags=$2 source=$root/$postgres_source_place
  if [[ -d $place/server ]]; then return; fi
  mkdir -p "$place" "$source"
  if ! compgen -G "$source/*.dsc" >/dev/null; then
    say "fetching the source of PostgreSQL $postgres_source_version"
    download_postgres_source "$source" || die "the source of PostgreSQL could not be fetched: does \
the mirror have deb-src?"
  fi
  say "building PostgreSQL $postgres_source_version in $1"
  rm -rf "$place/source" "$place/objects"
  mkdir "$place/objects"
  dpkg-source --no-check -x "$source"/*.dsc "$place/source" >/dev/null
  (
    # Outside of the sources, as Debian does: what is built within serves no extension that is not.
    cd "$place/objects"
    ../source/configure --enable-cassert --enable-debug --without-readline --without-icu \
      --without-zlib CC="ccache gcc" CFLAGS="-O1 -g1" CPPFLAGS="$flags" \
      >"$place/configure.log" 2>&1
    make -s -j "$(jobs_max)" >"$place/make.log" 2>&1
    # Debian's patches name the system's directories, whatever configure is told: it is to go below
    # this one in any case. The programs find their files from where they are themselves.
    make -s install DESTDIR="$place/part" >>"$place/make.log" 2>&1
  ) || die "PostgreSQL could not be built: see $1/configure.log and make.log"
  cp "$place/source/src/tools/valgrind.supp" "$place/"
  rm -rf "$place/source" "$place/objects"
  mv "$place/part" "$place/server"
}

# postgres_tests PLACE WANTED…: runs those of tests/postgres that have one of these in their names,
# in the server that was built there, and names those that failed in `failed`.
postgres_tests() {
  local place=$root/$1 pg_config test name word
  shift
  pg_config=$(find "$place/server" -name pg_config -type f | head -n 1)
  [[ -n $pg_config ]] || die "$place/server is not complete: remove it and try again"
  # The tests find gmand in their build directory, and build the extension there.
  ln -sfn "$root/build/release/bin" "$place/bin"
  ln -sfn "$root/build/release/CMakeCache.txt" "$place/CMakeCache.txt"
  failed=
  for test in tests/postgres/*_test.py; do
    name=$(basename "$test" _test.py)
    # They look at a build by itself, at two other servers, and at what has no code in the server.
    if [[ $name == pgxs || $name == pg_upgrade || $name == store ]]; then continue; fi
    for word; do
      if [[ $name != *"$word"* ]]; then continue; fi
      say "$name"
      PG_CONFIG=$pg_config GMAN_BUILD_DIR=$place \
        PYTHONPATH=$root/tests/support "$python" -B "$test" || failed+=" $name"
      break
    done
  done
}
