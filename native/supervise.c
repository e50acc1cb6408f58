/* The monitor's waiting: for the container's end, for the application's words, and for a terminal's data. */
#include "abi.h"
#include "executor.h"
#include "sys.h"
#include <asm/unistd.h>

static _Alignas(16) uint8_t call_area[CT_LIMIT_MAX_CALL + sizeof(struct frame_header)];

/* How the supervised process ended; `how` is 0 as long as none has. */
struct exit_report exit_report;

/* The supervised process and its terminal; a descriptor is -1 when it is not (or no longer) there. */
struct watch {
  int64_t pid;
  int32_t master, input, output, commands, signals;
  bool keep_running, ended;
  int32_t status;
  struct rusage64 usage;
};

int64_t open_child_signals(void)
{
  uint64_t mask = 1ull << (SIG_CHILD - 1);
  return SYS4(__NR_signalfd4, -1, &mask, sizeof mask, SIGNALFD_FLAGS);
}

static void reap(struct watch *w)
{
  for (;;) {
    int32_t status = 0;
    struct rusage64 usage;
    int64_t pid = SYS4(__NR_wait4, -1, &status, WAIT_NO_HANG | WAIT_ALL_KINDS, &usage);
    if (pid == -E_INTR) continue;
    if (pid <= 0) {
      /* A process that is not our child cannot be waited for: it counts as ended. */
      if (pid == -E_CHILD) w->ended = true;
      return;
    }
    if (pid != w->pid) continue;
    w->ended = true;
    w->status = status;
    w->usage = usage;
  }
}

/* Kills the children that the kernel lists; those of killed processes become ours (we are a subreaper) and are found in the next round. */
static void kill_children(void)
{
  uint8_t text[4096];
  int64_t fd = SYS4(__NR_openat, AT_CWD, "/proc/thread-self/children", O_CLOSE_ON_EXEC, 0);
  if (fd < 0) return;
  int64_t length = SYS3(__NR_read, fd, text, sizeof text);
  int64_t pid = 0;
  for (int64_t i = 0; i < length; i++) {
    if (text[i] >= '0' && text[i] <= '9') {
      pid = pid * 10 + (text[i] - '0');
    } else if (pid > 0) {
      SYS2(__NR_kill, pid, SIG_KILL);
      pid = 0;
    }
  }
  SYS1(__NR_close, fd);
}

void kill_descendants(void)
{
  /* Most containers leave nobody behind, and asking the kernel for a list is slow. */
  int64_t pid = SYS4(__NR_wait4, -1, 0, WAIT_NO_HANG | WAIT_ALL_KINDS, 0);
  while (pid != -E_CHILD) {
    kill_children();
    pid = SYS4(__NR_wait4, -1, 0, WAIT_ALL_KINDS, 0);
  }
}

static bool write_all(int32_t fd, const uint8_t *bytes, int64_t size)
{
  while (size > 0) {
    int64_t done = SYS3(__NR_write, fd, bytes, size);
    if (done == -E_AGAIN) {
      /* The application may have made its descriptor non-blocking. */
      struct poll_entry entry = {fd, POLL_OUT, 0};
      SYS5(__NR_ppoll, &entry, 1, 0, 0, 8);
      continue;
    }
    if (done == -E_INTR) continue;
    if (done <= 0) return false;
    bytes += done;
    size -= done;
  }
  return true;
}

/* What the container writes. When nobody takes it any more it is still read, so that the container does not hang. */
static void relay_output(struct watch *w)
{
  uint8_t bytes[4096];
  int64_t got = SYS3(__NR_read, w->master, bytes, sizeof bytes);
  if (got == -E_INTR || got == -E_AGAIN) return;
  if (got <= 0) w->master = -1;
  else if (w->output >= 0 && !write_all(w->output, bytes, got)) w->output = -1;
}

static void relay_input(struct watch *w)
{
  uint8_t bytes[512];
  const uint8_t end_of_file = 4;
  int64_t got = SYS3(__NR_read, w->input, bytes, sizeof bytes);
  if (got == -E_INTR || got == -E_AGAIN) return;
  if (got > 0 && write_all(w->master, bytes, got)) return;
  w->input = -1;
  if (got <= 0) write_all(w->master, &end_of_file, 1);
}

static void answer_call(const struct frame_header *header, size_t size)
{
  struct program program;
  uint32_t refused[2] = {0, 0};
  /* The program's own header must be aligned, and the frame's stands before it. */
  refused[0] = program_check(&program, call_area + sizeof *header, size, sizeof call_area - sizeof *header, &refused[1]);
  if (refused[0] != REFUSED_NOTHING) {
    send_frame(CT_EVENT_REFUSED, 0, header->seq, refused, sizeof refused);
    return;
  }
  program_load(&program);
  struct outcome outcome = interpret(&program, 0, PHASE_CALL);
  send_frame(CT_EVENT_RESULT, 0, header->seq, &outcome, sizeof outcome);
}

static void take_command(struct watch *w)
{
  struct frame_header header;
  int64_t got = SYS6(__NR_recvfrom, w->commands, call_area, sizeof call_area, 0, 0, 0);
  if (got == -E_INTR) return;
  if (got < (int64_t)sizeof header) {
    w->commands = -1;
    if (!w->keep_running) SYS2(__NR_kill, w->pid, SIG_KILL);
    return;
  }
  memcpy(&header, call_area, sizeof header);
  if (header.type == CT_REQUEST_CALL) answer_call(&header, (size_t)got - sizeof header);
}

static void wait_for_something(struct watch *w)
{
  uint8_t signals[128];
  struct poll_entry entries[] = {
    {w->signals, POLL_IN, 0}, {w->commands, POLL_IN, 0}, {w->master, POLL_IN, 0}, {w->master < 0 ? -1 : w->input, POLL_IN, 0},
  };
  if (SYS5(__NR_ppoll, entries, 4, 0, 0, 8) <= 0) return;
  if (entries[0].revents) SYS3(__NR_read, w->signals, signals, sizeof signals);
  if (entries[1].revents) take_command(w);
  if (entries[2].revents) relay_output(w);
  if (entries[3].revents) relay_input(w);
}

/* All writers are gone: what the terminal still holds is all there will be. */
static void drain_terminal(struct watch *w)
{
  int64_t no_time[2] = {0, 0};
  while (w->master >= 0) {
    struct poll_entry entry = {w->master, POLL_IN, 0};
    if (SYS5(__NR_ppoll, &entry, 1, no_time, 0, 8) <= 0) return;
    relay_output(w);
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
  };
}

int64_t supervise(int64_t pid, int64_t master, int64_t input, int64_t output, bool keep_running)
{
  struct watch w = {
    .pid = pid, .master = (int32_t)master, .input = master < 0 ? -1 : (int32_t)input, .output = (int32_t)output,
    .commands = CT_LIMIT_COMMAND_FD, .keep_running = keep_running,
  };
  /* Before the first look for an ended child, so that none ends unseen. */
  w.signals = (int32_t)open_child_signals();
  if (w.signals < 0) return w.signals;
  for (reap(&w); !w.ended; reap(&w)) wait_for_something(&w);
  kill_descendants();
  drain_terminal(&w);
  exit_report = report_of(&w);
  SYS1(__NR_close, w.signals);
  return 0;
}
