/* What the application says to a monitor, by way of the zygote: CALL and GO. */
#include "abi.h"
#include "executor.h"
#include "sys.h"
#include <asm/unistd.h>

/* A frame; its header is as long as the alignment that a program needs. */
static _Alignas(16) uint8_t frame[sizeof(struct frame_header) + CT_LIMIT_MAX_CALL];

/* Takes one frame; a CALL is interpreted, or answered with `refusal`. The length of a GO, -EAGAIN when it was none, -ECANCELED when none will come. */
int64_t take_command(uint32_t flags, uint32_t refusal, const uint8_t **go)
{
  struct frame_header header;
  struct outcome outcome = {refusal, 0, -(int64_t)refusal};
  struct program program;
  uint32_t refused[2] = {0, 0};
  int64_t got = SYS6(__NR_recvfrom, OWN(COMMAND), frame, sizeof frame, flags, 0, 0);
  if (got == -E_INTR || got == -E_AGAIN) return -E_AGAIN;
  if (got < (int64_t)sizeof header) return -E_CANCELED;
  size_t size = (size_t)got - sizeof header;
  memcpy(&header, frame, sizeof header);
  *go = frame + sizeof header;
  if (header.type == CT_REQUEST_GO) return (int64_t)size;
  if (refusal == 0) refused[0] = program_check(&program, frame + sizeof header, size, CT_LIMIT_MAX_CALL, &refused[1]);
  if (refused[0] != REFUSED_NOTHING) {
    send_frame(CT_EVENT_REFUSED, 0, header.seq, refused, sizeof refused);
    return -E_AGAIN;
  }
  if (refusal == 0) {
    program_load(&program);
    own_call = header.seq;
    outcome = interpret(&program, 0, PHASE_CALL);
    own_call = 0;
  }
  send_frame(CT_EVENT_RESULT, 0, header.seq, &outcome, sizeof outcome);
  return -E_AGAIN;
}

/* Only the monitor has what a CALL is about; a process that it has spawned says that it should be tried again. */
int64_t await_go(void *to, uint64_t capacity, bool is_monitor)
{
  const uint8_t *bytes;
  int64_t length;
  do length = take_command(0, is_monitor ? 0 : E_AGAIN, &bytes);
  while (length == -E_AGAIN);
  if (length > (int64_t)capacity) return -E_MSGSIZE;
  if (length > 0) memcpy(to, bytes, (size_t)length);
  return length;
}

/* Before the monitor's last frame: nobody must wait for the answer to a CALL that came too late. */
void end_commands(void)
{
  const uint8_t *bytes;
  SYS2(__NR_shutdown, OWN(COMMAND), SHUTDOWN_READING);
  while (take_command(MSG_DO_NOT_WAIT, E_SRCH, &bytes) != -E_CANCELED) continue;
}
