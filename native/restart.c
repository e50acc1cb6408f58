/* Whether and when a program is run again. It is the monitor that decides, since its application may be long gone. */
#include "abi.h"
#include "executor.h"
#include "sys.h"
#include <asm/unistd.h>

enum { FIRST_DELAY_MS = 100, LONGEST_DELAY_MS = 60000, STEADY_MS = 10000, MS = 1000000 };

static uint64_t restarts, delay;
static bool wanted;

/* Who stops a container leaves a file, then wakes the monitor with SIGTERM. */
static bool is_stopped(int64_t directory) { return SYS3(__NR_faccessat, directory, "stop", 0) == 0; }

static void sleep_until(uint64_t end, int64_t directory)
{
  uint8_t signals[128];
  int32_t fd = (int32_t)open_signals(1ull << (SIG_CHILD - 1) | 1ull << (SIG_TERMINATE - 1));
  for (uint64_t now; (now = clock_ns(CLOCK_STEADY)) < end && !is_stopped(directory);) {
    int64_t rest[2] = {(int64_t)((end - now) / 1000000000), (int64_t)((end - now) % 1000000000)};
    struct poll_entry entry = {fd, POLL_IN, 0};
    if (SYS5(__NR_ppoll, &entry, 1, rest, 0, 8) > 0) SYS3(__NR_read, fd, signals, sizeof signals);
  }
  SYS1(__NR_close, fd);
}

/* The delay doubles with each restart, and begins anew after a run that lasted. A set-up that failed at first is no run. */
int64_t plan_restart(int64_t directory, uint64_t most, bool on_failure)
{
  bool succeeded = exit_report.how == 1 && exit_report.status == 0;
  wanted = false;
  if (exit_report.how == 0 && restarts == 0) return 0;
  if (on_failure && succeeded) return 0;
  if (most != 0 && restarts >= most) return 0;
  delay = delay == 0 || exit_report.ran >= (uint64_t)STEADY_MS * MS ? FIRST_DELAY_MS : delay * 2;
  if (delay > LONGEST_DELAY_MS) delay = LONGEST_DELAY_MS;
  sleep_until(clock_ns(CLOCK_STEADY) + delay * MS, directory);
  wanted = !is_stopped(directory);
  restarts += wanted;
  return (int64_t)restarts;
}

/* Once for each plan: the program is run again as if it were for the first time. */
bool begin_restart(void)
{
  if (!wanted) return false;
  wanted = false;
  memset(&exit_report, 0, sizeof exit_report);
  close_free_descriptors();
  log_forget();
  forget_children();
  forget_registers();
  return true;
}
