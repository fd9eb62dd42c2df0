#!/usr/bin/env bash
# Installs the real programs that the oracle tests and the lab ask: Open vSwitch, OVN, FRR, iptables, nftables and a few
# helpers, from the Debian archive. No service is started: the tests start their own, in network namespaces of their own.
exec bash "$(dirname "${BASH_SOURCE[0]}")/install-packages.sh" oracles \
  openvswitch-switch ovn-central ovn-host frr iptables nftables conntrack iproute2 tcpdump jq curl python3 python3-yaml
