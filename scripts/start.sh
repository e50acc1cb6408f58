#!/bin/sh
# `npm start`: sets everything up, and shows the main job at work. For root and for ordinary users.
set -eu
cd "$(dirname "$0")/.."
[ -d node_modules ] || npm install --no-audit --no-fund --loglevel=error
npm run --silent build
ct="node dist/cli/main.js"

show() { # explanation, command line; its exit status is told, and does not end the tour
  printf '\n# %s\n$ ct %s\n' "$1" "$2"
  status=0
  sh -c "$ct $2" || status=$?
  [ "$status" -eq 0 ] || echo "(exit status $status)"
}

if ! findings=$($ct doctor); then
  echo "Containers cannot be run here by this user. What was found:"
  echo "$findings"
  exit 1
fi
printf '%s\n' "$findings" | head -n 1

show "A container over this machine's own root. It has its own processes, names and network; what it changes is gone afterwards." \
  "run --hostname boat -- sh -c 'id; hostname; ps -ef; touch /etc/libct-was-here && ls -l /etc/libct-was-here'"
if [ "$status" -ne 0 ] || [ -e /etc/libct-was-here ]; then
  echo "The container failed, or its file is on the host: neither must be." >&2
  exit 1
fi
echo "(and on the host: $(ls /etc/libct-was-here 2>&1))"

workspace=$(mktemp -d)
trap 'rm -rf "$workspace"' EXIT
show "A sandbox for code that nobody has read: one writable directory, no network, no secrets, limits of time and processes." \
  "run --sandbox --workspace $workspace --timeout 10s --pids 50 -- sh -c 'pwd; echo hello > file; touch /usr/x; wc -c /etc/shadow; ls /sys/class/net'"
echo "(and on the host, in the workspace: $(cat "$workspace/file"))"

show "The system calls that make a container, before they are made: the first and the last ones." \
  "explain -- true | sed -n '1,14p;\$p'"
show "What this machine and this user can do: the beginning." "doctor | sed -n '3,10p'"

cat <<'END'

Next: ct run -t -- bash          a shell in a container (ct is dist/cli/main.js; `npm link` puts it into your PATH)
      ct run --help              everything else
      README.md                  the same from TypeScript
      npm test                   all tests
END
