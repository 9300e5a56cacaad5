#!/bin/sh
# Makes the root directory of a current Docker Engine from Debian's unstable suite, for `make test-engines`.
# Built once (under a minute, about 600 MB), then kept under .cache/ until this file changes; prints its path.
# usage: scripts/current-engine.sh
set -eu

root=$(CDPATH='' cd -- "$(dirname "$0")/.." && pwd -P)
target=$root/.cache/engine-unstable
recipe=$(cksum <"$0")
if [ "$(cat "$target/.complete" 2>/dev/null)" = "$recipe" ]; then
  echo "$target"
  exit 0
fi

# The mirror that apt already uses: a network with a mirror of its own is served from there.
mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' |
  awk '$2 !~ /-/ { print $1; exit }')
[ -n "$mirror" ] || {
  echo 'apt has no package lists to take a mirror from. Run apt-get update, then this again.' >&2
  exit 69
}

mkdir -p "$root/.cache"
work=$(mktemp -d "$root/.cache/engine-unstable.XXXXXX")
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
echo "Making a current Docker Engine under .cache/ (once; about a minute)" >&2
debootstrap --variant=minbase \
  --include=docker.io,docker-cli,docker-buildx,docker-compose,iptables,iproute2,procps,ca-certificates \
  unstable "$work" "$mirror" >"$root/.cache/engine-unstable.log" 2>&1 || {
  echo 'debootstrap failed; the end of .cache/engine-unstable.log:' >&2
  tail -n 15 "$root/.cache/engine-unstable.log" >&2
  exit 70
}
rm -rf "$work"/var/cache/apt/archives/*.deb "$work"/var/lib/apt/lists/*
echo "$recipe" >"$work/.complete"
rm -rf "$target"
mv "$work" "$target"
trap - EXIT
echo "$target"
