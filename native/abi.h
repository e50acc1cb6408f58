/* The kernel's structures and numbers that the executor itself uses, as on x86_64 and aarch64. */
#ifndef CT_ABI_H
#define CT_ABI_H
#include <stdint.h>

struct timeval64 { int64_t sec, usec; };
struct rusage64 { struct timeval64 user, system; int64_t maxrss, rest[13]; };
struct rlimit_pair { uint64_t soft, hard; };
struct poll_entry { int32_t fd; int16_t events, revents; };
struct io_vector { const void *base; uint64_t length; };
struct message {
  void *name; uint32_t name_length, pad0;
  struct io_vector *vectors; uint64_t vector_count;
  void *control; uint64_t control_length;
  uint32_t flags, pad1;
};

enum {
  POLL_IN = 1, POLL_OUT = 4,
  SIG_KILL = 9, SIG_TERMINATE = 15, SIG_CHILD = 17, SIG_BLOCK_ALL = 2,
  MSG_NO_SIGNAL = 0x4000, MSG_DO_NOT_WAIT = 0x40, SHUTDOWN_READING = 0,
  FD_CLOSE_ON_EXEC = 1, F_SET_FD = 2, F_GET_STATUS = 3, F_SET_STATUS = 4, F_GET_SEALS_ = 1034, F_ADD_SEALS_ = 1033, ALL_SEALS = 15,
  O_WRITING = 1, O_CREATE = 0100, O_EXCLUSIVE = 0200, O_APPENDING = 02000, SEEK_TO_END = 2, CLOCK_WALL = 0, CLOCK_STEADY = 1,
  O_CLOSE_ON_EXEC = 02000000, O_NO_WAITING = 04000, TERMINAL_GET = 0x5401, TERMINAL_EOF = 4,
  WAIT_ID_PID = 1, WAIT_NO_HANG = 1, WAIT_EXITED = 4, WAIT_NO_REAP = 0x1000000, WAIT_ALL_KINDS = 0x40000000,
  RESOURCE_NOFILE = 7, PR_SUBREAPER = 36, SIGNALFD_FLAGS = 02004000,
  AT_EMPTY = 0x1000, AT_CWD = -100, CLONE_VIRTUAL_MEMORY = 0x100,
  E_INTR = 4, E_AGAIN = 11, E_CHILD = 10, E_INVAL = 22, E_PIPE = 32, E_OVERFLOW = 75, E_MSGSIZE = 90, E_CANCELED = 125, E_SRCH = 3,
};
#endif
