# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2154
# deps: install what is missing, from Debian's packages
#
# Usage: tools/dev deps [--list]
#
#   --list   print the packages that are missing, and install nothing
#
# Compares tools/dev.d/packages.txt with what dpkg has, and asks apt only for the rest, so that a
# second run costs nothing. Installing needs root or sudo. Nothing that runs by itself comes with
# it: PostgreSQL is kept from creating its "main" cluster, MariaDB comes as its programs only, and
# gearmand, Redis and memcached are neither started nor enabled.

wanted_packages() { sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$root/tools/dev.d/packages.txt"; }

missing_packages() {
  local installed
  installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p')
  wanted_packages | grep -vxF "$installed" || true
}

as_root() {
  if [[ $EUID -eq 0 ]]; then
    "$@"
  else
    sudo "$@"
  fi
}

apt_install() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
    -o DPkg::Lock::Timeout=120 "$@"
}

# Debian creates and starts a cluster named main when postgresql-15 is first installed, unless
# told otherwise. The telling is a file of ours that is there only while we install.
install_without_cluster() {
  if [[ " $* " != *" postgresql-15 "* ]]; then
    apt_install "$@"
    return
  fi
  apt_install postgresql-common || return
  (
    clusters=/etc/postgresql-common/createcluster.d
    if [[ ! -d $clusters ]]; then
      as_root mkdir "$clusters"
      trap 'as_root rm -rf "$clusters"' EXIT
    else
      trap 'as_root rm -f "$clusters/zz-gman.conf"' EXIT
    fi
    echo 'create_main_cluster = false' | as_root tee "$clusters/zz-gman.conf" >/dev/null
    apt_install "$@"
  )
}

# Debian starts these when they are installed, and at every boot from then on. Only their programs
# are wanted here: services are started by permission of policy-rc.d, which has a file of ours while
# we install, unless it has one already; what that one let start is stopped. The packages were not
# there before, so no service of the user's is meant.
services=(gearman-job-server redis-server memcached)

install_packages() {
  local service
  local -a unwanted=()
  for service in "${services[@]}"; do
    if [[ " $* " == *" $service "* ]]; then unwanted+=("$service"); fi
  done
  if ((${#unwanted[@]} == 0)); then
    install_without_cluster "$@"
    return
  fi
  (
    policy=/usr/sbin/policy-rc.d
    if [[ ! -e $policy ]]; then
      trap 'as_root rm -f "$policy"' EXIT
      # shellcheck disable=SC2016
      printf '%s\n' '#!/bin/sh' "for service in ${unwanted[*]}; do" \
        '  case "$*" in *"$service"*start*) exit 101 ;; esac' 'done' |
        as_root tee "$policy" >/dev/null
      as_root chmod 755 "$policy"
    fi
    status=0
    install_without_cluster "$@" || status=$?
    for service in "${unwanted[@]}"; do
      if [[ -x /etc/init.d/$service ]]; then
        as_root invoke-rc.d "$service" stop || true
        as_root update-rc.d "$service" disable
      fi
    done
    exit "$status"
  )
}

dev_deps() {
  case ${1:-} in
    "" | --list) ;;
    *) usage_error deps "unknown option '$1'" ;;
  esac
  if ! command -v dpkg-query >/dev/null; then
    say "no dpkg here: tools/dev.d/packages.txt names what gman needs, under Debian's names"
    return
  fi
  local -a missing
  mapfile -t missing < <(missing_packages)
  if [[ ${1:-} == --list ]]; then
    if ((${#missing[@]})); then printf '%s\n' "${missing[@]}"; fi
    return
  fi
  if ((${#missing[@]} == 0)); then return; fi

  say "${#missing[@]} packages are missing: ${missing[*]}"
  if [[ $EUID -ne 0 ]] && ! command -v sudo >/dev/null; then
    die "installing packages needs root or sudo; as root: apt-get install ${missing[*]}"
  fi
  local start=$SECONDS
  as_root apt-get update -q || say "apt-get update had trouble; going on with what apt knows"
  install_packages "${missing[@]}" || die "apt-get could not install them all"
  say "packages installed in $(seconds_since "$start")"
}
