#!/usr/bin/env bash
# Makes the virtual environment that every target of the Makefile works in.
# usage: environment.sh VENV REQUIREMENTS
set -euo pipefail
venv=$(realpath -m "$1")
requirements=$2

python=
for candidate in python3.13 python3.12 python3.11 python3; do
  if command -v "$candidate" >/dev/null &&
    "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
    python=$candidate
    break
  fi
done
if [ -z "$python" ]; then
  echo "setup: wanted Python 3.11, 3.12 or 3.13, found $(python3 --version 2>&1 || echo none)." >&2
  echo "setup: install one of them (Debian 12 and 13, Ubuntu 24.04: apt-get install python3 python3-venv)." >&2
  exit 1
fi

if ! "$python" -c 'import ensurepip' 2>/dev/null; then
  # Debian and Ubuntu keep ensurepip in a package of its own.
  sudo=
  [ "$(id -u)" = 0 ] || sudo=sudo
  version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  if ! command -v apt-get >/dev/null; then
    echo "setup: $python lacks ensurepip; install your distribution's package for Python virtual environments." >&2
    exit 1
  fi
  echo "setup: installing python$version-venv from the distribution, as root${sudo:+ by sudo}"
  $sudo apt-get update -qq
  $sudo apt-get install -y -qq "python$version-venv"
fi

echo "setup: virtual environment in ${venv##*/} with $("$python" --version)"
"$python" -m venv --clear "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements"

# The checkout as a collection, for everything that imports it from its sources.
checkout=$(dirname "$venv")/.build/checkout/ansible_collections/gofleet
mkdir -p "$checkout"
ln -sfn "$(dirname "$venv")" "$checkout/hosts"
touch "$venv/.ready"
