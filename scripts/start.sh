#!/bin/sh
# `npm start`: sets everything up, and shows the main job at work.
set -eu
cd "$(dirname "$0")/.."
[ -d node_modules ] || npm install --no-audit --no-fund --loglevel=error
npm run --silent build
ct="node dist/cli/main.js"

show() { # explanation, command line
  printf '\n# %s\n$ ct %s\n' "$1" "$2"
  sh -c "$ct $2"
}

show "A container over this machine's own root. It has its own processes, names and network; what it changes is gone afterwards." \
  "run -- sh -c 'id; hostname; ps; touch /etc/libct-was-here && ls -l /etc/libct-was-here'"
if [ -e /etc/libct-was-here ]; then
  echo "The file is on the host: that must not be." >&2
  exit 1
fi
echo "(and on the host: no /etc/libct-was-here)"

workspace=$(mktemp -d)
trap 'rm -rf "$workspace"' EXIT
show "A sandbox for code that nobody has read: one writable directory, no network, limits of time and processes." \
  "run --sandbox --workspace $workspace --timeout 10s --pids 50 -- sh -c 'pwd; echo hello >file; touch /usr/x; ls ~/.ssh; cat /etc/shadow' || true"
show "The system calls that make a container, before they are made (the first and last ones)." "explain -- true | sed -n '1,14p;\$p'"
show "What this machine and this user can do." "doctor | head -n 6"

cat <<'END'

Next: ct run -t -- bash          a shell in a container (ct is dist/cli/main.js; `npm link` puts it into your PATH)
      ct run --help              everything else
      README.md                  the same from TypeScript
END
