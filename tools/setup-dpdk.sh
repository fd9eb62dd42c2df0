#!/bin/sh
# Installs DPDK's libraries where they are missing (Debian's libdpdk-dev; as root) and builds the drivers that benchmarks of classifiers hold the core
# against, into the directory given (default tools/dist/native). Prints the directory.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/dist/native}
if ! pkg-config --exists libdpdk 2>/dev/null; then
  apt-get update >&2
  DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends libdpdk-dev pkg-config gcc libc6-dev >&2
fi
mkdir -p "$out"
# Only the libraries in use: all of DPDK's drivers would be loaded otherwise.
# shellcheck disable=SC2046
gcc -O3 -march=native -DALLOW_EXPERIMENTAL_API -o "$out/bench-acl" "$here/native/bench-acl.c" $(pkg-config --cflags libdpdk) -lrte_acl -lrte_eal
echo "$out"
