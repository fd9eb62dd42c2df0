#!/bin/bash
# Makes the snapshots and captures in examples/ from a running lab. See examples/README.md for what they are.
#
# usage: make.sh LAB [DEBIAN13 ROOT]
#   LAB        directory of the lab (it holds lab.sh)
#   DEBIAN13   the helper that runs a command in a Debian 13 root: `DEBIAN13 run ROOT COMMAND…`; its `build ROOT` makes one
#   ROOT       that root. Without these two the lab runs with the programs of this system.
# environment: WORK (scratch; default a new directory in /tmp, removed at the end; a given one is kept, with the probes' ground truth in it),
#   OUT (default: examples/ of this repository), SEED (4190) and SCALE (0.6, about 90 connections of the client) of the probes.
#
# Needs root. All traffic stays in the network namespaces that the lab makes; the lab is taken down again. Takes about two minutes.
# A new run gives the same paths, but not the same bytes: UUIDs, times and counters are those of the run.
set -eu -o pipefail
export LC_ALL=C
HERE=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)

# Classes of probes: what a client sends to the service, by address and by node port, and to ports that nobody serves.
CLASSES=vip,vip-wrong-port,nodeport,nodeport-wrong-port
# The capture that is shipped: the router's side towards the client, where each connection is still as the client sent it.
CAPTURE=router.enp7s0.pcap

say() { echo "make.sh: $*" >&2; }
die() { say "$*"; exit 1; }

# ---- with the lab's programs, maybe in another root: leaves SET/ (dump), SET.pcap, SET.jsonl in the current directory ----------

measure() { # set seed : traffic first, so that counters and neighbours have something in them
  rm -rf probe
  "$LAB/lab.sh" probe probe --seed "$2" --scale "$SCALE" --only "$CLASSES" >/dev/null
  DUMP=core "$LAB/lab.sh" dump "$1"
  [ ! -e "$1/failed.tsv" ] || die "commands of the dump of '$1' failed: $(head -3 "$1/failed.tsv")"
  mv "probe/pcap/$CAPTURE" "$1.pcap"; mv probe/ground-truth.jsonl "$1.jsonl"; rm -rf probe
}

capture_all() {
  # The state directory shows in the Open_vSwitch database (ovn-remote): keep it a plain path of the run-time kind.
  export OVN_MODE=ic PLAB=/run/plab
  [ ! -d "$PLAB" ] || die "a lab is up already, or left over, in $PLAB: 'PLAB=$PLAB lab.sh down' takes it down"
  trap '[ ! -d "$PLAB" ] || "$LAB/lab.sh" down' EXIT   # only a lab that we brought up: `down` goes by the namespaces' names
  GW_MODE=shared "$LAB/lab.sh" up cluster
  measure cluster "$SEED"
  GW_MODE=local "$LAB/lab.sh" up local
  measure local "$SEED"
  "$LAB/lab.sh" negative on >/dev/null
  measure local-negative $((SEED + 1))   # other ports: the pods' servers still know the connections of the set before
}

# ---- here: reduce, pack -------------------------------------------------------------------------------------------------------

keep() { # file : is it something that a packet's path depends on, in the one form we ship?
  case $1 in
    lab.yaml | k8s.yaml | pods/*) ;;
    */ip_addr | */ip_-d_link | */ip_route_show_table_all | */ip_rule | */ip_neigh | */ip_nexthop | */ss_-tulpn | */sysctl_net.ipv4) ;;
    */iptables-save | */nft_list_ruleset | */nft_-j_list_ruleset | */bridge_fdb) ;;
    */vtysh_show_ip_bgp | */vtysh_show_ip_bgp_json | */vtysh_show_ip_route | */vtysh_show_ip_route_json) ;;
    */ovs-vsctl_show | */ovs-vsctl_list_interface | */ovs/ovsdb-client_-f_json_dump) ;;
    */ovs-ofctl_-O_OpenFlow15_dump-flows_* | */ovs-ofctl_-O_OpenFlow15_dump-groups_* | */ovs-ofctl_-O_OpenFlow15_dump-ports-desc_*) ;;
    */ovs-appctl_fdb_show_* | */ovs-appctl_ovs_route_show | */ovs-appctl_tnl_neigh_show | */ovs-appctl_tnl_ports_show | */ovs-appctl_dpif_show) ;;
    */ovn-appctl_ct-zone-list) ;;
    */ovn-nbctl_list_Copp | */ovn-nbctl_list_Meter) return 1;;
    */ovn-nbctl_list_* | */ovn-sbctl_show | */ovn-sbctl_--uuid_lflow-list) ;;
    # Port, MAC and datapath bindings, chassis, and for each logical flow the northbound row that it comes from, which lflow-list does not print.
    */ovsdb-client_-f_json_dump_OVN_Southbound) ;;
    *) return 1;;
  esac
}

reduce() { # from to [folder] : copies what is kept, and the lines of commands.tsv that belong to it
  local f; mkdir -p "$2"
  (cd "$1" && find . -type f -printf '%P\n' | sort) | while read -r f; do
    keep "$f" || continue
    case ${3:-} in '') ;; *) [[ $f = "$3"/* || $f = lab.yaml ]] || continue;; esac
    mkdir -p "$2/$(dirname "$f")"; cp "$1/$f" "$2/$f"
    awk -F'\t' -v f="$f" '$1 == f' "$1/commands.tsv" >> "$2/commands.tsv"
  done
}

no_traces_of_here() { # directory : nothing of this machine may be in what we ship
  local word
  for word in "$WORK" "$LAB" "$HERE" ${ROOT:+"$ROOT"} /tmp/ /home/ /root/; do
    ! grep -rlF -- "$word" "$1" >&2 || die "'$word' is in the files above"
  done
  ! grep -rlwF -- "$(uname -n)" "$1" >&2 || die "this machine's name '$(uname -n)' is in the files above"
}

pack() { # set [folder]
  reduce "$WORK/sets/$1" "$WORK/pack/$1" "${2:-}"
  no_traces_of_here "$WORK/pack/$1"
  tar -C "$WORK/pack" --format=ustar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX -cf - "$1" | gzip -9 -n > "$OUT/$1.tar.gz"
}

pack_capture() { # set : the file inside is named by where it was taken, as the replay reads it
  mkdir -p "$WORK/pack/$1.capture"; cp "$WORK/sets/$1.pcap" "$WORK/pack/$1.capture/$CAPTURE"
  # (time 1, for gzip calls 0 out of range)
  (cd "$WORK/pack/$1.capture" && touch -d @1 "$CAPTURE" && gzip -9 -N -c "$CAPTURE") > "$OUT/$1.$CAPTURE.gz"
}

main() {
  local set
  [ $# = 1 ] || [ $# = 3 ] || { sed -n '/^# usage/,/^# Needs/{/^# Needs/!s/^# \{0,1\}//p}' "$0" >&2; exit 2; }
  [ "$(id -u)" = 0 ] || die "must be root"
  LAB=$(readlink -f "$1"); [ -x "$LAB/lab.sh" ] || die "no lab.sh in $1"
  if [ $# = 3 ]; then HELPER=$(readlink -f "$2"); ROOT=$(readlink -f "$3"); [ -x "$HELPER" ] || die "$2 cannot be run"; fi
  OUT=${OUT:-$HERE/../../examples}; mkdir -p "$OUT"; OUT=$(readlink -f "$OUT")
  if [ -n "${WORK:-}" ]; then mkdir -p "$WORK"; WORK=$(readlink -f "$WORK"); else WORK=$(mktemp -d /tmp/examples.XXXXXX); trap 'rm -rf "$WORK"' EXIT; fi
  rm -rf "$WORK/sets" "$WORK/pack"; mkdir -p "$WORK/sets" "$WORK/pack"
  export LAB SEED=${SEED:-4190} SCALE=${SCALE:-0.6}
  if [ -n "${HELPER:-}" ]; then
    (cd "$WORK/sets" && BIND="$LAB $HERE" "$HELPER" run "$ROOT" bash "$HERE/make.sh" --capture)
  else
    (cd "$WORK/sets" && bash "$HERE/make.sh" --capture)
  fi
  pack cluster; pack_capture cluster
  pack local; pack_capture local
  pack local-negative router
  for set in cluster local local-negative; do   # the answers to the captures' questions: for tests, not shipped
    grep '"ns":"client"' "$WORK/sets/$set.jsonl" > "$WORK/$set-ground-truth.jsonl"
  done
  say "$(cd "$OUT" && du -cb ./*.gz | awk '$2 == "total" {print $1}') bytes in $OUT"
}

case ${1:-} in
  --capture) capture_all;;
  *) main "$@";;
esac
