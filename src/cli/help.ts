export const PROGRAM_HELP = `
Examples:
  ct run -- sh -c 'id; hostname'     in a container over this machine's root; nothing of it stays
  ct run -t ./rootfs -- /bin/sh      in a directory, with a terminal
  ct run docker.io/library/alpine -- sh    in an image
  ct explain -- true                 every system call, before it is made
  ct doctor                          what works here

"ct help run" tells the flags.`;

export const RUN_HELP = `
ROOT is "host", a directory, or a file with a filesystem (squashfs, erofs, ext4, xfs, btrfs). Everything after "--" is the
command. Without "--" the first word is ROOT: "host", a path with a slash at its start or after a dot, or a directory.

IMAGE is a name as docker knows it. Before "--" whatever is neither a path nor there is one; without "--" it needs a slash, a tag or a digest, or stands alone.
The image's entrypoint comes before the command, and without a command its own one is executed.

Examples:
  ct run -- sh -c 'id; hostname; touch /etc/x'      over this machine's root; nothing stays
  ct run -t alpine -- sh                            an image of docker.io
  ct run -t ./rootfs -- /bin/sh                     a directory as the root, with a terminal
  ct run -v ./src:/src:ro --tmpfs /tmp -- make -C /src
  ct run --mount type=bind,source=./data,target=/data,readonly host -- ls /data
  ct run --lower ./app --lower ./debian --upper ./changes -- /app/install
  ct run --cap-drop ALL --user nobody -- id
  ct run --sandbox --workspace . --timeout 30s -- node generated.js
  ct run --json -- date | jq -r .stdout

Input: the command reads ct's standard input, except a terminal without -t or -i: then it reads nothing.
Signals: those that ct gets go to the command. When the command leaves one to its default action, it ends by it.
Exit status: the command's; 128 and the signal's number when a signal ended it; 125 when ct failed; 126 when the command
cannot be executed; 127 when there is none. Errors of ct are one line on standard error that begins with "ct: ". With
--json they are {"error": {code, message, ...}} on standard output.`;

export const IMPORT_HELP = `
Prints the specification that \`ct run\`, \`ct create\` and \`ct explain\` make of it, and each setting that is not followed to
the letter, with the reason. Nothing is made.

Examples:
  ct import lxc:web                  the container "web" of LXC: /var/lib/lxc/web/config
  ct import openvz:101               /etc/vz/conf/101.conf
  ct import nspawn:debian            /var/lib/machines/debian, with /etc/systemd/nspawn/debian.nspawn
  ct import bundle:./bundle          the bundle of an OCI runtime
  ct run -t lxc:web                  starts its init; \`ct run lxc:web -- sh\` another command`;

export const EXPLAIN_HELP = `
Takes the flags of "ct run". Nothing is made; what the flags name is looked at, since the calls depend on it.

Examples:
  ct explain -- true
  ct explain --kernel 4.19 --read-only ./rootfs -- /bin/sh`;

export const DOCTOR_HELP = `
The exit status is 0 when containers can be run, else 1.`;

export const NETWORK_CREATE_HELP = `
Nothing is made on the machine until a container needs the network: its bridge, and the rules in libct's own nf_tables table.

Examples:
  ct network create web
  ct network create --subnet 10.9.0.0/24 --subnet fd09::/64 --mtu 1400 web
  ct network create --internal db
  ct run -d --network web --name one -p 8080:80 -- httpd -f`;
