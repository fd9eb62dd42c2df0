#!/usr/bin/env bash
# install-packages.sh PURPOSE PACKAGE…: installs those Debian packages that are missing, and starts no service that they bring.
# Without root or apt it says loudly what is missing and what is therefore skipped, and that is no failure. Used by setup-*.sh.
set -u
purpose=$1
shift

missing=()
for package in "$@"; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "$purpose: all $# packages are installed"
  exit 0
fi

skip() {
  printf '\n%s\n' "======== SKIPPED: $1 ========" >&2
  printf '%s: not installed: %s\n' "$purpose" "${missing[*]}" >&2
  printf '%s: the tests that need them are skipped.\n\n' "$purpose" >&2
  exit 0
}
command -v apt-get >/dev/null 2>&1 || skip "there is no apt-get here"
[ "$(id -u)" -eq 0 ] || skip "installing packages needs root"

# While packages are configured, policy-rc.d forbids them to start what they bring; what stood there comes back after.
policy=/usr/sbin/policy-rc.d
saved=
restore() {
  rm -f "$policy"
  if [ -n "$saved" ]; then mv -f "$saved" "$policy"; fi
}
if [ -e "$policy" ]; then
  saved=$(mktemp "$policy.XXXXXX") && mv -f "$policy" "$saved" || exit 1
fi
trap restore EXIT
trap 'exit 1' HUP INT TERM
printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy" || exit 1

export DEBIAN_FRONTEND=noninteractive
apt=(apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0)
echo "$purpose: installing ${missing[*]}"
if ! { "${apt[@]}" update && "${apt[@]}" install --no-install-recommends "${missing[@]}"; } </dev/null; then
  echo "$purpose: apt-get failed; missing: ${missing[*]}" >&2
  exit 1
fi
