#!/usr/bin/env bash
# Runs ansible-test sanity, with no exceptions, on the collection as a user installs it.
set -euo pipefail
checkout=$(cd "$(dirname "$0")/.." && pwd)

# ansible-test makes its environments without pip and fetches a get-pip script from outside the package index; Python's
# own ensurepip does the same work. The file name is the one that ansible-core 2.19 looks for.
bootstrap=~/.ansible/test/cache/get_pip_24_2.py
if [ ! -e "$bootstrap" ]; then
  mkdir -p "$(dirname "$bootstrap")"
  printf 'import ensurepip\n\nensurepip.bootstrap(upgrade=True)\n' >"$bootstrap"
fi

# Outside the checkout: below it ansible-test asks git, which ignores what is built, and would test nothing.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$checkout/tests/build_collection.sh" "$work"
cd "$work/ansible_collections/gofleet/hosts"
python=$(python -c 'import sys; print("%d.%d" % sys.version_info[:2])')
ansible-test sanity --venv --color no --python "$python" 2>&1 | tee "$work/log"
# A run that found nothing to look at would pass too.
targets=$(grep -c '^Running sanity test' "$work/log" || true)
if [ "$targets" -lt 20 ] || ! [ -e plugins/modules/release.py ]; then
  echo "sanity: wanted at least 20 sanity tests on the collection, found $targets." >&2
  exit 1
fi
