#!/usr/bin/env bash
# Installs the real programs that the oracle tests and the lab ask: Open vSwitch, OVN, FRR, iptables, nftables and a few
# helpers, from the Debian archive, and only those that are missing. No service is started: the tests start their own,
# in network namespaces of their own. Without root or apt it says what will be skipped, and that is no failure.
set -u

packages=(openvswitch-switch ovn-central ovn-host frr iptables nftables conntrack iproute2 tcpdump jq curl python3 python3-yaml)

missing=()
for package in "${packages[@]}"; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "oracles: all ${#packages[@]} packages are installed"
  exit 0
fi

skip() {
  printf '\n%s\n' "======== SKIPPED: $1 ========" >&2
  printf 'oracles: not installed: %s\n' "${missing[*]}" >&2
  printf 'oracles: the tests that hold Plumbline against these programs are skipped.\n\n' >&2
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
echo "oracles: installing ${missing[*]}"
if ! { "${apt[@]}" update && "${apt[@]}" install --no-install-recommends "${missing[@]}"; } </dev/null; then
  echo "oracles: apt-get failed; missing: ${missing[*]}" >&2
  exit 1
fi
