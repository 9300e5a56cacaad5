#!/bin/sh
# Runs one dockerd in namespaces of its own (mounts, processes, host name, and the network unless told
# otherwise) until SIGTERM, or until whoever started it has gone, and then leaves nothing behind: its
# processes and mounts go with the namespaces, its directory and cgroups are removed here.
#
# usage: run.sh DIRECTORY own|host DATA [ROOT]
#   DIRECTORY  an empty directory named gantry-engine-*; docker.sock and dockerd.log appear in it
#   own|host   the network namespace: one of its own, or the machine's (published ports reach localhost)
#   DATA       dockerd's data directory. Inside DIRECTORY it is thrown away at the end, and so dockerd is
#              stopped at once; elsewhere it is kept, and dockerd stops its containers properly first
#   ROOT       root directory of another system to take dockerd from
set -eu

dir=$1 network=$2 data=$3 root=${4-}
here=$(CDPATH='' cd -- "$(dirname "$0")" && pwd -P)

# Empty cgroups stay when their processes have gone; dockerd's stand below one named like the directory.
remove_cgroups() {
  find /sys/fs/cgroup -maxdepth 2 -type d -name "$1" 2>/dev/null | while read -r group; do
    find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || true
  done
}

remove() {
  rm -rf "$1"
  remove_cgroups "$(basename "$1")"
}

# What a run that was itself killed could not remove. Its lock tells, not its process id: ids are given away
# again, and every PID namespace counts for itself.
sweep() {
  for other in "$(dirname "$dir")"/gantry-engine-*; do
    [ "$other" != "$dir" ] && [ -s "$other/supervisor.pid" ] || continue
    ! flock -n "$other/supervisor.pid" true || remove "$other"
  done
}

stop() {
  trap '' TERM INT HUP
  case $data in
    "$dir"/*) kill -KILL "$child" ;;
    *) kill -TERM "$(cat "$dir/init.pid")" 2>/dev/null || kill -KILL "$child" ;;
  esac
}

exec 8>"$dir/supervisor.pid"
flock -n 8
echo $$ >&8
sweep
# Two dockerds on the same data would wait for each other and then fail without saying why.
case $data in
  "$dir"/*) ;;
  *)
    exec 9<"$data"
    flock -n 9 || { echo "another dockerd is using $data" >"$dir/dockerd.log" && exit 1; }
    ;;
esac
[ "$network" = host ] || net=--net
unshare --mount --uts --ipc --pid ${net-} --fork --kill-child \
  sh "$here/init.sh" "$dir" "$network" "$data" "$root" >>"$dir/dockerd.log" 2>&1 </dev/null 8>&- &
child=$!
trap stop TERM INT HUP
# A trapped signal ends `wait` early.
while kill -0 "$child" 2>/dev/null; do wait "$child" || true; done
remove "$dir"
