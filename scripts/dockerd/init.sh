#!/bin/sh
# Process 1 of the namespaces that run.sh makes: prepares them, starts dockerd, ends with it. When this
# ends, the kernel ends every process in here: containerd, shims, containers.
# usage: init.sh DIRECTORY own|host DATA [ROOT]   (see run.sh)
set -eu

dir=$1 network=$2 data=$3 root=${4-}
name=$(basename "$dir")

# /proc still shows the outer namespace: the one moment to learn by which number run.sh knows us.
read -r pid _ </proc/self/stat
echo "$pid" >"$dir/init.pid"
mount -t proc proc /proc
hostname "$name"

# Another system's root. A plain chroot would not do: dockerd unpacks images in a chroot of its own, for
# which / must be a mount.
enter_root() {
  mount --bind "$root" "$root"
  mkdir -p "$root/srv/engine" "$root/srv/old"
  mount --bind "$dir" "$root/srv/engine"
  for each in proc sys dev; do mount --rbind "/$each" "$root/$each"; done
  cp -L /etc/resolv.conf "$root/etc/resolv.conf" 2>/dev/null || true
  cd "$root"
  pivot_root . srv/old
  cd /
  umount -l /srv/old
  data=/srv/engine${data#"$dir"} dir=/srv/engine
}
[ -z "$root" ] || enter_root

# A /run of its own: sockets, locks and plugins of this dockerd meet no other's. /etc/resolv.conf often
# points into /run, and containers get a copy of it.
resolv=$(cat /etc/resolv.conf 2>/dev/null || true)
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/lock /etc/docker
target=$(readlink -m /etc/resolv.conf)
[ -e "$target" ] || { mkdir -p "$(dirname "$target")" && printf '%s\n' "$resolv" >"$target"; }
# Nor does it read or write the machine's /etc/docker.
mount -t tmpfs -o mode=755 tmpfs /etc/docker

if [ "$network" = own ]; then
  ip link set lo up
  # Inherited from the machine; dockerd closes its FORWARD chain, as on a real host, only if it finds 0.
  echo 0 >/proc/sys/net/ipv4/ip_forward
fi

dockerd --host "unix://$dir/docker.sock" --data-root "$data" --exec-root /run/engine \
  --pidfile /run/engine.pid --cgroup-parent "/$name" --shutdown-timeout 5 &
dockerd=$!
trap 'kill -TERM "$dockerd"' TERM
while kill -0 "$dockerd" 2>/dev/null; do wait "$dockerd" || true; done
