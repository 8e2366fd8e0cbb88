# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2154
# fresh: run the README's commands on a clean Debian 12 that has only git
#
# Usage: tools/dev fresh [--user] [--keep] [--mirror URL] [COMMAND…]
#
#   --user         as an ordinary user with sudo; root otherwise
#   --keep         leave the tree where it is, and say where
#   --mirror URL   the Debian mirror; otherwise the one that this machine's apt uses
#   COMMAND…       one command to run instead of those in the README's first code block
#
# Bootstraps Debian into a folder, clones HEAD into it and runs each command there, in a mount and
# a process namespace of its own: nothing stays mounted, and a process that a command leaves behind
# is found, fails the run and is ended. Needs root, and 8 GB below /var/tmp (or TMPDIR). The base
# system and the packages are kept in build/fresh-cache, which makes the next run quicker.

fresh_suite=bookworm
fresh_place=
fresh_cache=

# The lines of the README's first code block: what a newcomer would type.
readme_commands() {
  awk '/^```/ { if (inside) exit; inside = 1; next } inside' README.md
}

# "URI SUITE COMPONENT" of each archive of that Debian release which this machine's apt uses.
apt_archives() {
  # shellcheck disable=SC2016
  apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
    awk -v suite="$fresh_suite" '$2 ~ "^" suite' | sort -u
}

isolated() { unshare --mount --pid --fork --kill-child --mount-proc "$@"; }

# Fills the tree with a minimal Debian, from the cache when it is there.
bootstrap() {
  local tree=$1 mirror=$2
  local name
  name=base-$fresh_suite-$(printf '%s' "$mirror" | sha256sum | cut -c 1-12).tar
  mkdir -p "$tree"
  if [[ ! -f $fresh_cache/$name ]]; then
    isolated debootstrap --variant=minbase --include=ca-certificates,git \
      "$fresh_suite" "$tree" "$mirror"
    tar --one-file-system -C "$tree" -cf "$fresh_cache/$name.part" .
    mv "$fresh_cache/$name.part" "$fresh_cache/$name"
  else
    tar -C "$tree" -xpf "$fresh_cache/$name"
  fi
}

# How this machine reaches its archives (mirror, proxy, certificates, names) holds in the tree too.
copy_network_settings() {
  local tree=$1 mirror=$2
  if [[ -n $(apt_archives) ]]; then
    apt_archives | sed 's/^/deb /' >"$tree/etc/apt/sources.list"
  else
    echo "deb $mirror $fresh_suite main" >"$tree/etc/apt/sources.list"
  fi
  apt-config dump | grep -E '^Acquire::(Check-|https?:|.*Proxy)' \
    >"$tree/etc/apt/apt.conf.d/90fresh" || true
  local file
  for file in /etc/resolv.conf /etc/hosts /etc/apt/auth.conf; do
    if [[ -f $file ]]; then cp -L "$file" "$tree$file"; fi
  done
  if compgen -G '/usr/local/share/ca-certificates/*.crt' >/dev/null; then
    cp /usr/local/share/ca-certificates/*.crt "$tree/usr/local/share/ca-certificates/"
    chroot "$tree" update-ca-certificates >/dev/null
  fi
}

# Runs as process 1 of the namespaces: mounts, a login shell for the command, and a count of heads.
inside_namespaces() {
  local tree=$1 archives=$2 user=$3 command=$4
  mount -t proc proc "$tree/proc"
  mount --rbind /sys "$tree/sys"
  mount --rbind /dev "$tree/dev"
  mount -t tmpfs -o mode=1777 tmpfs "$tree/dev/shm"
  mount --bind "$archives" "$tree/var/cache/apt/archives"
  local status=0
  chroot "$tree" su --whitelist-environment=http_proxy,https_proxy,no_proxy \
    - "$user" -c "$command" </dev/null || status=$?

  # Whoever is still there was left behind; what is just ending gets a moment to do so.
  local left entry pid words turn
  for turn in {1..50}; do
    left=
    for entry in /proc/[0-9]*; do
      pid=${entry#/proc/}
      words=$({ tr '\0' ' ' <"$entry/cmdline"; } 2>/dev/null) || continue
      if [[ $pid != 1 && $pid != "$BASHPID" && -n $words ]]; then left+="  $pid $words"$'\n'; fi
    done
    if [[ -z $left ]]; then return "$status"; fi
    if ((turn < 50)); then sleep 0.1; fi
  done
  printf 'left running:\n%s' "$left" >&2
  return 1
}

run_inside() {
  isolated bash -euo pipefail -c "$(declare -f inside_namespaces); inside_namespaces \"\$@\"" \
    fresh "$fresh_place/tree" "$fresh_cache/archives" "$@"
}

# Removes the tree, never across a mount.
remove_place() {
  if [[ -z $fresh_place || ! -d $fresh_place ]]; then return; fi
  if grep -qF " $fresh_place/" /proc/self/mountinfo; then
    say "something is mounted below $fresh_place: unmount it, then remove it"
    return
  fi
  rm -rf --one-file-system "$fresh_place"
}

dev_fresh() {
  local keep='' user=root mirror=''
  while (($#)); do
    case $1 in
      --keep) keep=yes ;;
      --user) user=newcomer ;;
      --mirror)
        mirror=${2:?"tools/dev fresh: --mirror needs a URL"}
        shift
        ;;
      -*) usage_error fresh "unknown option '$1'" ;;
      *) break ;;
    esac
    shift
  done
  local -a commands
  if (($#)); then commands=("$*"); else mapfile -t commands < <(readme_commands); fi
  if ((${#commands[@]} == 0)); then die "no code block in README.md"; fi
  if [[ $EUID -ne 0 ]]; then die "fresh makes a chroot and needs root: sudo tools/dev fresh"; fi
  if [[ -z $mirror ]]; then
    mirror=$(apt_archives | awk -v suite="$fresh_suite" '$2 == suite { print $1; exit }')
  fi
  if [[ -z $mirror ]]; then die "this machine's apt knows no $fresh_suite: give --mirror URL"; fi
  if ! command -v debootstrap >/dev/null; then
    # shellcheck source=tools/dev.d/deps.sh
    source "$commands_dir/deps.sh"
    apt_install debootstrap
  fi
  if [[ -n $(git status --porcelain) ]]; then say "what is not committed is left out"; fi

  fresh_cache=$root/build/fresh-cache
  mkdir -p "$fresh_cache/archives/partial"
  fresh_place=$(mktemp -d "${TMPDIR:-/var/tmp}/gman-fresh.XXXXXX")
  chmod 755 "$fresh_place"
  local tree=$fresh_place/tree start=$SECONDS
  if [[ -z $keep ]]; then trap remove_place EXIT; fi
  trap 'exit 130' INT TERM HUP

  say "a clean Debian ($fresh_suite) in $tree"
  bootstrap "$tree" "$mirror"
  copy_network_settings "$tree" "$mirror"
  echo force-unsafe-io >"$tree/etc/dpkg/dpkg.cfg.d/fresh" # nothing here has to outlive a power cut
  local commit
  commit=$(git rev-parse --short HEAD)  # HEAD may move while the commands run
  git bundle create -q "$tree/srv/gman.bundle" HEAD
  if [[ $user != root ]]; then
    run_inside root 'apt-get update -qq && apt-get install -y -qq --no-install-recommends sudo'
    chroot "$tree" useradd --create-home --base-dir /srv --shell /bin/bash "$user"
    echo "$user ALL=(ALL) NOPASSWD: ALL" >"$tree/etc/sudoers.d/$user"
  fi
  chroot "$tree" install -d -o "$user" /srv/checkout
  run_inside "$user" \
    'git -c advice.detachedHead=false clone -q /srv/gman.bundle /srv/checkout/gman'
  say "ready after $(seconds_since "$start")"

  local command status failed=0 report=''
  for command in "${commands[@]}"; do
    say "\$ $command"
    start=$SECONDS
    status=passed
    run_inside "$user" "cd /srv/checkout/gman && $command" || status="FAILED ($?)"
    if [[ $status != passed ]]; then failed=1; fi
    report+=$(printf '   %-32s %-12s %s' "$command" "$status" "$(seconds_since "$start")")$'\n'
  done
  say "Debian 12, as $user, commit $commit:"
  printf '%s' "$report" >&2
  if [[ -n $keep ]]; then say "kept: chroot $tree (remove it with rm -rf $fresh_place)"; fi
  return "$failed"
}
