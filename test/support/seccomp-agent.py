"""Answers notified system calls (seccomp_unotify(2)): seccomp-agent.py SOCKET ERRNO

Prints what it has received of the container's process as one line of JSON, then a line for each call that it has refused with ERRNO; what is not a mkdir
goes on as if nobody had asked.
"""
import array, fcntl, json, os, platform, socket, struct, sys

RECV, SEND, CONTINUE = 0xC0502100, 0xC0182101, 1
MKDIRS = {"x86_64": (83, 258), "aarch64": (34,)}[platform.machine()]


def say(line):
    print(line, flush=True)


def receive(connection):
    data, ancillary, _, _ = connection.recvmsg(65536, socket.CMSG_SPACE(4))
    (level, kind, payload), = ancillary
    assert (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS)
    while chunk := connection.recv(65536):
        data += chunk
    return array.array("i", payload[:4])[0], json.loads(data)


def answer(listener, errno):
    notified = bytearray(80)
    fcntl.ioctl(listener, RECV, notified)
    identity, pid, _ = struct.unpack_from("QII", notified)
    number, = struct.unpack_from("i", notified, 16)
    refused = number in MKDIRS
    flags = 0 if refused else CONTINUE
    fcntl.ioctl(listener, SEND, struct.pack("QqiI", identity, 0, -errno if refused else 0, flags))
    if refused:
        say(json.dumps({"refused": pid}))


with socket.socket(socket.AF_UNIX) as server:
    # A path of any length: only the name is given.
    os.chdir(os.path.dirname(sys.argv[1]))
    server.bind(os.path.basename(sys.argv[1]))
    server.listen()
    say("listening")
    while True:
        with server.accept()[0] as connection:
            descriptor, state = receive(connection)
        say(json.dumps(state))
        if os.fork() == 0:
            try:
                while True:
                    answer(descriptor, int(sys.argv[2]))
            except OSError:
                os._exit(0)
        os.close(descriptor)
