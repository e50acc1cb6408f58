/* Start: the executor goes on from a sealed copy of itself, which nothing that runs in a container can write to (CVE-2019-5736). */
#include "abi.h"
#include "executor.h"
#include "sys.h"
#include <asm/unistd.h>

enum { MEMFD_CLOEXEC = 1, MEMFD_SEALABLE = 2, MEMFD_EXECUTABLE = 16, AUXV_EXECUTABLE_NAME = 31, EXIT_USAGE = 2, EXIT_UNSEALED = 6 };

static _Noreturn void die(const char *text, int status)
{
  size_t length = 0;
  while (text[length] != 0) length++;
  SYS3(__NR_write, 2, text, length);
  sys_exit(status);
}

/* The path that the kernel executed. */
static const char *own_path(const uint64_t *auxv)
{
  for (; auxv[0] != 0; auxv += 2)
    if (auxv[0] == AUXV_EXECUTABLE_NAME) return (const char *)(uintptr_t)auxv[1];
  return "";
}

/* The kernel calls what was executed from a descriptor /dev/fd/NUMBER (execveat(2)): this works without /proc too. */
static bool is_sealed(const char *path)
{
  static const char sealed[] = "/dev/fd/";
  for (size_t at = 0; at < sizeof sealed - 1; at++)
    if (path[at] != sealed[at]) return false;
  int64_t seals = SYS3(__NR_fcntl, OWN(COMMAND), F_GET_SEALS_, 0);
  SYS1(__NR_close, OWN(COMMAND));
  return seals >= 0 && (seals & ALL_SEALS) == ALL_SEALS;
}

static int64_t copy_of(const char *path)
{
  static const char name[] = "ct-executor";
  int64_t copy = SYS2(__NR_memfd_create, name, MEMFD_CLOEXEC | MEMFD_SEALABLE | MEMFD_EXECUTABLE);
  if (copy == -E_INVAL) copy = SYS2(__NR_memfd_create, name, MEMFD_CLOEXEC | MEMFD_SEALABLE);
  int64_t self = SYS4(__NR_openat, AT_CWD, "/proc/self/exe", O_CLOSE_ON_EXEC, 0);
  if (self < 0) self = SYS4(__NR_openat, AT_CWD, path, O_CLOSE_ON_EXEC, 0);
  if (copy < 0 || self < 0) return -1;
  int64_t done;
  do done = SYS4(__NR_sendfile, copy, self, 0, 1 << 20);
  while (done > 0);
  SYS1(__NR_close, self);
  return done < 0 || SYS3(__NR_fcntl, copy, F_ADD_SEALS_, ALL_SEALS) < 0 ? -1 : copy;
}

_Noreturn void ct_start(uint64_t *stack);
_Noreturn void ct_start(uint64_t *stack)
{
  char **argv = (char **)(stack + 1), **envp = argv + stack[0] + 1;
  uint64_t *auxv = (uint64_t *)envp;
  while (*auxv != 0) auxv++;
  /* A word for each. */
  passed = stack[0] == 0 || stack[0] > CT_LIMIT_MAX_PASSED + 1 ? 0 : (uint32_t)stack[0] - 1;
  uint32_t type, length = sizeof type;
  if (SYS5(__NR_getsockopt, OWN(CONTROL), 1, 3, &type, &length) < 0)
    die("ct-executor: started by libct with its control socket as descriptor 3; not a command for people\n", EXIT_USAGE);
  const char *path = own_path(auxv + 1);
  if (!is_sealed(path)) {
    int64_t copy = copy_of(path), fd = OWN(COMMAND);
    /* It stays open in what is executed, which knows by it what it is. */
    if (copy == fd) SYS3(__NR_fcntl, fd, F_SET_FD, 0);
    else if (copy >= 0) copy = SYS3(__NR_dup3, copy, fd, 0);
    if (copy >= 0) SYS5(__NR_execveat, fd, "", argv, envp, AT_EMPTY);
    die("ct-executor: cannot run from a sealed memfd (the sysctl vm.memfd_noexec may forbid it)\n", EXIT_UNSEALED);
  }
  zygote();
}
