/* A terminal's data on its way between the container and whoever runs it. Nothing here waits: a monitor always has ears for its application. */
#include "abi.h"
#include "executor.h"
#include "sys.h"
#include <asm/unistd.h>

/* What to wait for before the next step; nothing when the stream has ended. */
struct poll_entry stream_wants(const struct stream *s)
{
  bool full = s->first < s->end;
  return (struct poll_entry){full ? s->to : s->from, full ? POLL_OUT : POLL_IN, 0};
}

void stream_start(struct stream *s, int32_t from, int32_t to)
{
  uint8_t settings[64];
  s->from = from;
  s->to = to;
  s->first = s->end = 0;
  /* The descriptors are others' as well and must stay blocking ones: as little is written as fits surely after POLLOUT (pipe(7), PIPE_BUF; a terminal's unit of 256). */
  s->piece = to < 0 || SYS3(__NR_ioctl, to, TERMINAL_GET, settings) < 0 ? sizeof s->bytes : 256;
}

/* Reads, or writes what was read. Output that nobody takes is still read, so that the container does not hang. */
void stream_step(struct stream *s, bool is_input)
{
  uint32_t rest = s->end - s->first;
  int64_t done = rest == 0 ? SYS3(__NR_read, s->from, s->bytes, sizeof s->bytes)
                           : SYS3(__NR_write, s->to, s->bytes + s->first, rest < s->piece ? rest : s->piece);
  if (done == -E_INTR || done == -E_AGAIN) return;
  if (rest != 0 && done > 0) {
    s->first += (uint32_t)done;
    return;
  }
  s->first = 0;
  s->end = done > 0 && s->to >= 0 ? (uint32_t)done : 0;
  if (done > 0) return;
  if (rest != 0) s->to = -1;
  if (rest == 0 || is_input) s->from = -1;
  /* The end of the input is told once, as a key press would. */
  if (rest == 0 && is_input) s->bytes[s->end++] = TERMINAL_EOF;
}
