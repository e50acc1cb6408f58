/* The monitor's waiting: for the container's end, for the application's words, and for a terminal's data. */
#include "abi.h"
#include "executor.h"
#include "sys.h"
#include <asm/unistd.h>

/* How the supervised process ended; `how` is 0 as long as none has. */
struct exit_report exit_report;

/* The supervised process; `commands` and the streams' descriptors are -1 when they are not (or no longer) there. */
struct watch {
  int64_t pid;
  int32_t commands, signals, status;
  bool keep_running, ended, reaped;
  uint64_t begun;
  struct rusage64 usage;
};

static struct stream input, output;
/* What goes into the log: the container's output and error output, or its terminal. */
static int32_t logged[2] = {-1, -1};

int64_t open_signals(uint64_t mask) { return SYS4(__NR_signalfd4, -1, &mask, sizeof mask, SIGNALFD_FLAGS); }
int64_t open_child_signals(void) { return open_signals(1ull << (SIG_CHILD - 1)); }

static void stop_waiting_on(int64_t fd)
{
  if (fd >= 0) SYS3(__NR_fcntl, fd, F_SET_STATUS, O_NO_WAITING | SYS3(__NR_fcntl, fd, F_GET_STATUS, 0));
}

/* The monitor's own ends of pipes, so that the container does not notice that they do not block. */
void supervise_logged(int64_t out, int64_t err)
{
  logged[0] = (int32_t)out;
  logged[1] = (int32_t)err;
  stop_waiting_on(out);
  stop_waiting_on(err);
}

static void reap(struct watch *w)
{
  for (;;) {
    int32_t status = 0;
    struct rusage64 usage;
    int64_t pid = SYS4(__NR_wait4, -1, &status, WAIT_NO_HANG | WAIT_ALL_KINDS, &usage);
    if (pid == -E_INTR) continue;
    if (pid <= 0) {
      /* A process that is not our child cannot be waited for. */
      if (pid == -E_CHILD) w->ended = true;
      return;
    }
    if (pid != w->pid) continue;
    w->ended = w->reaped = true;
    w->status = status;
    w->usage = usage;
  }
}

static void listen(struct watch *w)
{
  const uint8_t *bytes;
  /* The pid of a process that was reaped may be another's. */
  if (take_command(MSG_DO_NOT_WAIT, w->ended ? E_SRCH : 0, &bytes) != -E_CANCELED) return;
  w->commands = -1;
  if (!w->keep_running && !w->ended) SYS2(__NR_kill, w->pid, SIG_KILL);
}

/* Whether something has happened. */
static bool wait_for_something(struct watch *w, bool patiently)
{
  uint8_t signals[128];
  int64_t no_time[2] = {0, 0};
  struct poll_entry entries[] = {
    {w->signals, POLL_IN, 0}, {w->commands, POLL_IN, 0},  stream_wants(&output),
    stream_wants(&input),     {logged[0], POLL_IN, 0}, {logged[1], POLL_IN, 0},
  };
  if (SYS5(__NR_ppoll, entries, 6, patiently ? 0 : no_time, 0, 8) <= 0) return false;
  if (entries[0].revents) SYS3(__NR_read, w->signals, signals, sizeof signals);
  if (entries[1].revents) listen(w);
  if (entries[2].revents) stream_step(&output, false);
  if (entries[3].revents) stream_step(&input, true);
  if (entries[4].revents) log_step(&logged[0], LOG_OUT);
  if (entries[5].revents) log_step(&logged[1], LOG_ERR);
  return true;
}

/* All writers are gone: what the terminal still holds is all there will be. It is waited for who takes it, as long as there is an application. */
static void drain_terminal(struct watch *w)
{
  stream_start(&input, -1, -1);
  while (wait_for_something(w, output.first < output.end && (w->commands >= 0 || w->keep_running))) continue;
}

/* All that the container has written goes into the log, also when its last words came with its end. */
static void drain_logged(void)
{
  for (uint8_t i = 0; i < 2; i++) {
    while (logged[i] >= 0 && log_step(&logged[i], LOG_OUT + i)) continue;
    logged[i] = -1;
  }
}

static struct exit_report report_of(const struct watch *w)
{
  uint32_t signal = (uint32_t)w->status & 0x7f;
  return (struct exit_report){
    .how = signal == 0 ? 1 : (w->status & 0x80) ? 3 : 2,
    .status = signal == 0 ? ((uint32_t)w->status >> 8) & 0xff : signal,
    .user = (uint64_t)(w->usage.user.sec * 1000000 + w->usage.user.usec),
    .system = (uint64_t)(w->usage.system.sec * 1000000 + w->usage.system.usec),
    .maxrss = (uint64_t)w->usage.maxrss * 1024,
    .ended = clock_ns(CLOCK_WALL),
    .ran = clock_ns(CLOCK_STEADY) - w->begun,
  };
}

int64_t supervise(int64_t pid, int64_t master, int64_t from, int64_t to, bool keep_running)
{
  struct watch w = {.pid = pid, .commands = OWN(COMMAND), .keep_running = keep_running, .begun = clock_ns(CLOCK_STEADY)};
  /* Before the first look for an ended child, so that none ends unseen. */
  w.signals = (int32_t)open_child_signals();
  if (w.signals < 0) return w.signals;
  /* The terminal's own end is the container's alone. */
  stop_waiting_on(master);
  stream_start(&input, master < 0 ? -1 : (int32_t)from, (int32_t)master);
  if (master >= 0 && log_is_open()) logged[0] = (int32_t)master;
  else stream_start(&output, (int32_t)master, (int32_t)to);
  for (reap(&w); !w.ended; reap(&w)) wait_for_something(&w, true);
  kill_descendants();
  if (master >= 0) drain_terminal(&w);
  drain_logged();
  SYS1(__NR_close, w.signals);
  if (!w.reaped) return -E_CHILD;
  exit_report = report_of(&w);
  return 0;
}
