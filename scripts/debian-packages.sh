#!/bin/sh
# Installs the named Debian packages that are missing. Quiet and quick when nothing is.
# usage: scripts/debian-packages.sh PACKAGE…
set -eu

missing=''
for package in "$@"; do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
  echo "These are needed, and this is no Debian or Ubuntu to install them on:$missing" >&2
  echo 'Install what they contain with the package manager of this system, then run this again.' >&2
  exit 69
fi
if [ "$(id -u)" != 0 ]; then
  echo "These Debian packages are needed:$missing" >&2
  echo "Install them (sudo apt-get install$missing), or run this as root." >&2
  exit 77
fi

echo "Installing Debian packages:$missing" >&2
export DEBIAN_FRONTEND=noninteractive
# Unquoted on purpose: a list of names.
# shellcheck disable=SC2086
install() { apt-get install --yes --no-install-recommends -q=2 $missing >&2; }
# Package lists may be absent or old on a fresh machine: fetch them once and try again.
install 2>/dev/null || { apt-get update -q=2 >&2 && install; }

# From Debian 13 on the docker command is a package of its own that docker.io only recommends.
case " $* " in
  *' docker.io '*)
    missing=docker-cli
    command -v docker >/dev/null || install
    ;;
esac
