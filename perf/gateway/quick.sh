#!/bin/sh
# A look at one gateway, for tuning: about ten seconds, nothing is written.
#   perf/gateway/quick.sh URL [PID] [calls|streams]
# URL is where the gateway listens (tcp://127.0.0.1:PORT or unix:///path), PID its process, for CPU time.
# In front of what: .cache/perf-gateway/engine /tmp/engine.sock &   (make -C perf/gateway build makes it)
set -eu
url=${1:?usage: quick.sh URL [PID] [calls|streams]}
pid=${2:-0}
what=${3:-all}
here=$(dirname "$0")
make -s -C "$here" build
load="$here/../../.cache/perf-gateway/load"

# From the load generator's line of JSON: the values of these keys, and what went wrong.
show() {
  name=$1 line=$2
  shift 2
  printf '%-34s' "$name"
  for key in "$@"; do
    printf ' %s %s ' "$(printf %s "$line" | sed "s/.*\"$key\":\([^,}]*\).*/\1/")" "$key"
  done
  case $line in *'"failures":0,'*) echo ;; *) echo " FAILED: $line" ;; esac
}
calls() {
  name=$1
  shift
  show "$name" "$("$load" calls "$url" -p "$pid" -t 1 "$@" || true)" callsPerSecond cpu p50 p99
}
stream() {
  show "1 GiB $1" "$("$load" stream "$url" "$1" -p "$pid" || true)" gigabytesPerSecond cpuSeconds
}

echo "cpu, p50, p99 in microseconds a call"
if [ "$what" != streams ]; then
  calls "info, 1 client" -c 1
  calls "info, 32 clients" -c 32
  calls "info, 16 clients, new connections" -c 16 -k
  calls "list of 4 KiB, 16 clients" -c 16 -r list
  calls "create with 3 KB, 8 clients" -c 8 -r create
fi
if [ "$what" != calls ]; then
  for kind in down down-chunked up up-chunked hijack-down hijack-up; do stream $kind; done
fi
