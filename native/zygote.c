/* The zygote: receives programs, forks a monitor for each, forwards what is said to them, and reaps them. */
#include "abi.h"
#include "executor.h"
#include "sys.h"
#include <asm/unistd.h>

uint32_t own_id, own_call, passed;

static _Alignas(16) uint8_t area[CT_LIMIT_MAX_PROGRAM];
static struct { int32_t pid, fd; } monitors[CT_LIMIT_MAX_CONTAINERS];
static uint32_t ids;
static struct rlimit_pair files;

static int64_t send_parts(int64_t fd, struct io_vector *parts, uint64_t count, uint32_t flags)
{
  struct message message = {.vectors = parts, .vector_count = count};
  int64_t sent;
  do sent = SYS3(__NR_sendmsg, fd, &message, MSG_NO_SIGNAL | flags);
  while (sent == -E_INTR);
  return sent;
}

/* A failure means that the application is gone: there is nobody to tell. */
void send_frame(uint16_t type, uint16_t code, uint32_t seq, const void *payload, size_t size)
{
  struct frame_header header = {(uint32_t)size, type, code, own_id, seq};
  struct io_vector parts[2] = {{&header, sizeof header}, {payload, size}};
  send_parts(OWN(CONTROL), parts, 2, 0);
}

/* EXIT, when there was something to supervise, and DONE, once: in one message, since the application is woken by each. */
void say_done(void)
{
  static bool is_said;
  if (is_said) return;
  is_said = true;
  end_commands();
  struct frame_header headers[2] = {{sizeof exit_report, CT_EVENT_EXIT, 0, own_id, 0}, {0, CT_EVENT_DONE, 0, own_id, 0}};
  struct io_vector parts[3] = {{&headers[0], sizeof headers[0]}, {&exit_report, sizeof exit_report}, {&headers[1], sizeof headers[1]}};
  uint32_t first = exit_report.how == 0 ? 2 : 0;
  send_parts(OWN(CONTROL), parts + first, 3 - first, 0);
}

/* The monitor's life: its program, then the epilogue, whatever happened before. */
_Noreturn void monitor(uint32_t id, struct program *program)
{
  own_id = id;
  SYS5(__NR_prctl, PR_SUBREAPER, 1, 0, 0, 0);
  program_load(program);
  do {
    interpret(program, 0, PHASE_PROGRAM);
    kill_descendants();
    if (program->header->epilogue == CT_LIMIT_NO_BLOCK) break;
    interpret(program, program->header->epilogue, PHASE_EPILOGUE);
    kill_descendants();
  } while (begin_restart());
  say_done();
  sys_exit(0);
}

static void forget_monitor(uint32_t id, int32_t status)
{
  SYS1(__NR_close, monitors[id].fd);
  monitors[id].pid = 0;
  own_id = id;
  if (status != 0) send_frame(CT_EVENT_LOST, 0, 0, &status, sizeof status);
}

static void reap_monitors(void)
{
  int32_t status;
  int64_t pid;
  while ((pid = SYS4(__NR_wait4, -1, &status, WAIT_NO_HANG, 0)) > 0) {
    for (uint32_t id = 0; id < ids; id++)
      if (monitors[id].pid == pid) forget_monitor(id, status);
  }
}

/* Descriptors of other containers must not live on in a monitor, nor those of a run in the next one: their ends would not be seen. */
void close_free_descriptors(void)
{
  if (SYS3(__NR_close_range, OWN(FIRST_FREE), ~0u, 0) == 0) return;
  /* The kernel gives the lowest free number, and there is one for each container. */
  for (int32_t fd = OWN(FIRST_FREE); fd < OWN(FIRST_FREE) + (int32_t)ids + 16; fd++) SYS1(__NR_close, fd);
}

static void refuse(uint32_t seq, uint32_t reason, uint32_t where)
{
  uint32_t payload[2] = {reason, where};
  send_frame(CT_EVENT_REFUSED, 0, seq, payload, sizeof payload);
}

static void run(uint32_t id, size_t size)
{
  struct program program;
  uint32_t where = 0;
  enum refusal refusal = program_check(&program, area, size, sizeof area, &where);
  if (refusal != REFUSED_NOTHING) {
    refuse(0, refusal, where);
    return;
  }
  int32_t pair[2];
  if (monitors[id].pid != 0) {
    /* Its monitor has said DONE and is just exiting. */
    SYS4(__NR_wait4, monitors[id].pid, 0, 0, 0);
    forget_monitor(id, 0);
  }
  int64_t error = SYS4(__NR_socketpair, 1, 5 | O_CLOSE_ON_EXEC, 0, pair);
  int64_t pid = error < 0 ? error : SYS5(__NR_clone, SIG_CHILD, 0, 0, 0, 0);
  if (pid == 0) {
    SYS3(__NR_dup3, pair[1], OWN(COMMAND), O_CLOSE_ON_EXEC);
    close_free_descriptors();
    SYS4(__NR_prlimit64, 0, RESOURCE_NOFILE, &files, 0);
    monitor(id, &program);
  }
  if (error == 0) SYS1(__NR_close, pair[1]);
  if (pid > 0) {
    monitors[id].pid = (int32_t)pid;
    monitors[id].fd = pair[0];
    if (id >= ids) ids = id + 1;
    return;
  }
  if (error == 0) SYS1(__NR_close, pair[0]);
  uint32_t failure[4] = {0, 0, (uint32_t)-pid, 0};
  send_frame(CT_EVENT_FAIL, 0, 0, failure, sizeof failure);
  send_frame(CT_EVENT_DONE, 0, 0, 0, 0);
}

/* CALL and GO are for a monitor, which may be busy or gone: the zygote never waits for it. */
static void forward(const struct frame_header *header, size_t size)
{
  struct io_vector parts[2] = {{header, sizeof *header}, {area, size}};
  int64_t error = monitors[header->id].pid == 0 ? -E_PIPE : send_parts(monitors[header->id].fd, parts, 2, MSG_DO_NOT_WAIT);
  if (error >= 0 || header->type != CT_REQUEST_CALL) return;
  if (error == -E_PIPE) error = -E_SRCH;
  struct outcome outcome = {(uint32_t)-error, 0, error};
  send_frame(CT_EVENT_RESULT, 0, header->seq, &outcome, sizeof outcome);
}

/* Reads exactly so much from the application; its end is ours. */
static void receive(void *to, size_t size)
{
  for (uint8_t *at = to; size > 0;) {
    int64_t got = SYS3(__NR_read, OWN(CONTROL), at, size);
    if (got == -E_INTR) continue;
    if (got <= 0) sys_exit(0);
    at += got;
    size -= (size_t)got;
  }
}

static void take_frame(void)
{
  struct frame_header header;
  receive(&header, sizeof header);
  bool known = header.type == CT_REQUEST_RUN || header.type == CT_REQUEST_CALL || header.type == CT_REQUEST_GO;
  if (!known || header.id >= CT_LIMIT_MAX_CONTAINERS) sys_exit(3);
  for (size_t rest = header.length, part; rest > 0; rest -= part) {
    part = rest < sizeof area ? rest : sizeof area;
    receive(area, part);
  }
  own_id = header.id;
  bool is_run = header.type == CT_REQUEST_RUN;
  bool fits = header.length <= (is_run ? sizeof area : CT_LIMIT_MAX_CALL);
  if (fits && is_run) run(header.id, header.length);
  else if (fits) forward(&header, header.length);
  else if (header.type != CT_REQUEST_GO) refuse(is_run ? 0 : header.seq, REFUSED_SIZE, 0);
}

_Noreturn void zygote(void)
{
  uint8_t signals[128];
  uint64_t all = ~0ull;
  /* Also of what is passed: only the command itself is to get it. */
  for (int32_t fd = CT_LIMIT_CONTROL_FD; fd <= OWN(CONTROL); fd++) SYS3(__NR_fcntl, fd, F_SET_FD, FD_CLOSE_ON_EXEC);
  SYS3(__NR_fcntl, OWN(CONTROL), F_SET_STATUS, 0);
  SYS4(__NR_rt_sigprocmask, SIG_BLOCK_ALL, &all, 0, sizeof all);
  /* A descriptor for each container: the limit that users set for applications is low. */
  SYS4(__NR_prlimit64, 0, RESOURCE_NOFILE, 0, &files);
  struct rlimit_pair raised = {files.hard, files.hard};
  SYS4(__NR_prlimit64, 0, RESOURCE_NOFILE, &raised, 0);
  /* The system calls of x86_64 begin with read. */
  uint32_t hello[4] = {CT_PROTOCOL_VERSION, (uint32_t)SYS0(__NR_getpid), __NR_read == 0 ? 1 : 2, 0};
  send_frame(CT_EVENT_HELLO, 0, 0, hello, sizeof hello);
  int64_t fd = open_child_signals();
  if (fd < 0) sys_exit(4);
  for (;;) {
    struct poll_entry entries[2] = {{OWN(CONTROL), POLL_IN, 0}, {(int32_t)fd, POLL_IN, 0}};
    if (SYS5(__NR_ppoll, entries, 2, 0, 0, 8) <= 0) continue;
    if (entries[1].revents) {
      SYS3(__NR_read, fd, signals, sizeof signals);
      reap_monitors();
    }
    if (entries[0].revents) take_frame();
  }
}
