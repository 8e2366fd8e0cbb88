# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2154
# servers: fetch newer database servers, to run the tests against
#
# Usage: tools/dev servers [--list] [NAME…]
#
#   tools/dev servers              all that are not there yet
#   tools/dev servers mysql-9.7    one of them
#   --list                         print their names, and which are there; fetch nothing
#
# Each server comes from the Debian suite that carries it, with all libraries that it needs down to
# the C library, and is unpacked into build/servers/NAME: nothing is installed, no root is needed,
# and the system's packages are not touched. The archive is the one that this machine's apt uses.
# Together they take about 300 MB to download and 1.4 GB on the disk. tools/dev test-servers runs
# the tests against those that are there. To fetch one again, or after the checkout was moved,
# remove its directory first.

# Name, suite, the packages to be unpacked with all that they depend on, and after the semicolon
# those to be unpacked alone: what PostgreSQL's headers depend on is a compiler that is not used.
servers=(
  "mysql-9.7 sid mysql-server-core mysql-client-core libmysqlclient-dev ;"
  "mysql-9.7-headers sid ; mysql-source"
  "mariadb-11.8 trixie mariadb-server-core mariadb-client ;"
  "postgresql-17 trixie postgresql-17 ; postgresql-server-dev-17"
  "postgresql-18 sid postgresql-18 ; postgresql-server-dev-18"
)

servers_names() { printf '%s\n' "${servers[@]%% *}"; }

# The archive that this machine's apt takes Debian's own packages from.
servers_archive() {
  # shellcheck disable=SC2016
  apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(SUITE)' 'Created-By: Packages' |
    awk '$2 == "Debian" && $3 !~ /-/ && !uri { uri = $1 } END { print uri }'
}

# Apt with lists and a status of its own, below the given directory: as if nothing was installed.
servers_apt() {
  local state=$1
  shift
  apt-get -q -o Dir::State="$state" -o Dir::State::lists="$state/lists" \
    -o Dir::State::status="$state/status" -o Dir::Cache="$state/cache" \
    -o Dir::Etc::sourcelist="$state/sources.list" -o Dir::Etc::sourceparts=/dev/null \
    -o Dir::Etc::preferencesparts=/dev/null -o APT::Install-Recommends=false \
    -o APT::Sandbox::User= -o Debug::NoLocking=1 -o Dpkg::Use-Pty=0 "$@"
}

# An apt state for one suite, with its lists fetched once per run.
servers_suite() {
  local suite=$1 state=$2 uri
  local keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  if [[ -f $state/fetched ]]; then return; fi
  uri=$(servers_archive)
  if [[ -z $uri ]]; then die "this machine's apt has no archive of Debian's (apt-get update?)"; fi
  mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
  : >"$state/status"
  echo "deb [signed-by=$keyring] $uri $suite main" >"$state/sources.list"
  say "what Debian's suite $suite has"
  # The suite's date may be older than apt likes where the archive is a snapshot of one.
  servers_apt "$state" -o Acquire::Check-Valid-Until=false -o Acquire::Check-Date=false \
    -o APT::Update::Error-Mode=any update >"$state/update.log" 2>&1 ||
    die "Debian's suite $suite cannot be reached at $uri: $(grep -m1 '^E:' "$state/update.log")"
  touch "$state/fetched"
}

# A program that was linked for another Debian runs by that one's loader and libraries: the program
# moves aside, and a script that calls the loader takes its name.
servers_wrap() {
  local tree=$1 program
  local loader=$tree/usr/lib64/ld-linux-x86-64.so.2
  local libraries=$tree/usr/lib/x86_64-linux-gnu
  while read -r program; do
    mv "$program" "$program.real"
    cat >"$program" <<SCRIPT
#!/bin/sh
exec "$loader" --library-path "$libraries" --argv0 "\$0" "$program.real" "\$@"
SCRIPT
    chmod 755 "$program"
  done < <(find "$tree/usr" -type f -perm -100 \
    \( -path '*/bin/*' -o -path '*/sbin/*' -o -name pg_regress \) -print0 |
    xargs -0 grep -lm1 $'^\x7fELF')
}

# PostgreSQL's headers and makefiles know the compiler and the C library that they come from. What
# this machine's older C library does not declare, PostgreSQL does, and the server finds it in its
# own; what an older gcc or g++ refuses is left out.
servers_adapt_postgres() {
  local tree=$1
  if [[ ! -d $tree/usr/include/postgresql ]]; then return; fi
  find "$tree/usr/include/postgresql" -name pg_config.h -exec \
    sed -i -E 's/^(#define HAVE_DECL_STRLC(AT|PY)) 1$/\1 0/' {} +
  find "$tree/usr/lib/postgresql" -name Makefile.global -exec \
    sed -i -e '/^CXXFLAGS *=/s/ -fexcess-precision=standard//' \
    -e '/^CFLAGS *=/s/ -Wmissing-variable-declarations//' {} +
}

# Of MySQL's sources the headers alone: those of the components, and those that the build makes.
servers_adapt_mysql_source() {
  local tree=$1
  local archive=$tree/usr/src/mysql/mysql-source.tar.gz
  if [[ ! -f $archive ]]; then return; fi
  tar -xzf "$archive" -C "$tree" --strip-components=1 --wildcards --no-wildcards-match-slash \
    '*/include' '*/builddir/include/*.h'
  mv "$tree"/builddir/include/*.h "$tree/include"
  rm -r "${tree:?}/usr" "$tree/builddir"
}

servers_fetch() {
  local name=$1 suite=$2 packages=$3 alone=$4
  local tree=$root/build/servers/$name state=$root/build/servers/.apt/$suite start=$SECONDS
  servers_suite "$suite" "$state"
  say "$name: downloading"
  rm -rf "$state/cache/archives" "$tree.part"
  mkdir -p "$state/cache/archives/partial" "$tree.part"
  # shellcheck disable=SC2086
  servers_apt "$state" install -y --download-only $packages >"$state/install.log" 2>&1 ||
    die "$name: $(grep -m1 '^E:' "$state/install.log") (all of it: $state/install.log)"
  # shellcheck disable=SC2086
  if [[ -n $alone ]]; then
    (cd "$state/cache/archives" && servers_apt "$state" download $alone) \
      >"$state/install.log" 2>&1 ||
      die "$name: $(grep -m1 '^E:' "$state/install.log") (all of it: $state/install.log)"
  fi
  say "$name: unpacking $(find "$state/cache/archives" -name '*.deb' | wc -l) packages"
  local package
  for package in "$state"/cache/archives/*.deb; do dpkg -x "$package" "$tree.part"; done
  mv "$tree.part" "$tree"
  servers_wrap "$tree"
  servers_adapt_postgres "$tree"
  servers_adapt_mysql_source "$tree"
  touch "$tree/complete"
  rm -rf "$state/cache/archives"
  say "$name is in build/servers/$name after $(seconds_since "$start")"
}

dev_servers() {
  local list='' name suite packages line
  if [[ ${1:-} == --list ]]; then
    list=yes
    shift
  fi
  for name; do
    case $name in
      -*) usage_error servers "unknown option '$name'" ;;
    esac
    if ! servers_names | grep -qxF -e "$name"; then
      usage_error servers "no server '$name'; there are $(servers_names | paste -sd ' ')"
    fi
  done
  if [[ -z $list && $(dpkg --print-architecture 2>/dev/null) != amd64 ]]; then
    die "servers are fetched on Debian's amd64 only, where their tests have been run"
  fi
  for line in "${servers[@]}"; do
    read -r name suite packages <<<"$line"
    if (($#)) && [[ " $* " != *" $name "* ]]; then continue; fi
    if [[ -n $list ]]; then
      if [[ -f build/servers/$name/complete ]]; then
        echo "$name  in build/servers/$name"
      else
        echo "$name  not fetched (Debian's suite $suite)"
      fi
    elif [[ ! -f build/servers/$name/complete ]]; then
      rm -rf "build/servers/$name"
      servers_fetch "$name" "$suite" "${packages%%;*}" "${packages#*;}"
    fi
  done
}
