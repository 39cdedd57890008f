#!/usr/bin/env bash
# Builds the collection from what git tracks or would track, and installs the result, as a user would.
# usage: build_collection.sh DIRECTORY
set -euo pipefail
target=$1
checkout=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A copy without what lies about in the checkout, so that the artefact is the same from any checkout.
mkdir "$work/source"
git -C "$checkout" ls-files --cached --others --exclude-standard -z |
  (cd "$checkout" && tar --null --ignore-failed-read -cf - -T -) | tar -xf - -C "$work/source"
ansible-galaxy collection build --output-path "$work" "$work/source" >/dev/null
rm -rf "$target/ansible_collections/gofleet"
mkdir -p "$target"
ANSIBLE_COLLECTIONS_PATH=$target ansible-galaxy collection install --offline --force --collections-path "$target" "$work"/gofleet-hosts-*.tar.gz >/dev/null
echo "collection: built and installed $(basename "$work"/gofleet-hosts-*.tar.gz)"
