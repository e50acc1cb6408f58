/* Kills everything that a monitor has started, and what that has started, wherever it hid: the monitor is a child subreaper. */
#include "abi.h"
#include "executor.h"
#include "sys.h"
#include <asm/unistd.h>

/* The children that SPAWN made, for systems where the kernel does not list them. */
static int64_t spawned[64];
static uint32_t spawned_count;

void forget_children(void) { memset(spawned, 0, sizeof spawned); }

int64_t note_child(int64_t pid)
{
  if (pid > 0) spawned[spawned_count++ % 64] = pid;
  return pid;
}

/* A number may have come from another pid namespace's /proc, or be in use again: only a child is killed, which stays one until it is reaped here. */
static bool kill_child(int64_t pid)
{
  if (pid <= 0) return false;
  int64_t error = SYS5(__NR_waitid, WAIT_ID_PID, pid, 0, WAIT_NO_HANG | WAIT_EXITED | WAIT_NO_REAP | WAIT_ALL_KINDS, 0);
  return error == 0 && SYS2(__NR_kill, pid, SIG_KILL) == 0;
}

/* Those of killed processes become ours, and are found in the next round. */
static bool kill_children(void)
{
  uint8_t text[4096];
  bool found = false;
  int64_t fd = SYS4(__NR_openat, AT_CWD, "/proc/thread-self/children", O_CLOSE_ON_EXEC, 0);
  int64_t length = fd < 0 ? 0 : SYS3(__NR_read, fd, text, sizeof text), pid = 0;
  if (fd >= 0) SYS1(__NR_close, fd);
  for (int64_t i = 0; i < length; i++) {
    bool digit = text[i] >= '0' && text[i] <= '9';
    if (!digit) found |= kill_child(pid);
    pid = digit ? pid * 10 + (text[i] - '0') : 0;
  }
  for (uint32_t i = 0; i < 64; i++) found |= kill_child(spawned[i]);
  return found;
}

void kill_descendants(void)
{
  /* Most containers leave nobody behind, and asking the kernel for a list is slow. */
  int64_t pid = SYS4(__NR_wait4, -1, 0, WAIT_NO_HANG | WAIT_ALL_KINDS, 0);
  while (pid != -E_CHILD && kill_children()) {
    pid = SYS4(__NR_wait4, -1, 0, WAIT_ALL_KINDS, 0);
    while (pid > 0) pid = SYS4(__NR_wait4, -1, 0, WAIT_NO_HANG | WAIT_ALL_KINDS, 0);
  }
}
