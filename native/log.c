/* A container's output on its way into its log, for containers that outlive their application. The log is a file of records: docs/executor.md. */
#include "abi.h"
#include "executor.h"
#include "sys.h"
#include <asm/unistd.h>

struct record { uint64_t time; uint32_t length; uint8_t stream, zero[3]; };

/* `lost` bytes could not be written, since the disk was full: that is told as soon as there is room. */
static struct { int64_t directory, file; uint64_t size, limit, lost; } log = {.file = -1};
static uint8_t piece[16384];

bool log_is_open(void) { return log.file >= 0; }
void log_forget(void) { log.file = -1; }

static int64_t open_log(uint64_t flags)
{
  return SYS4(__NR_openat, log.directory, "log", O_WRITING | O_CREATE | O_APPENDING | O_CLOSE_ON_EXEC | flags, 0600);
}

int64_t log_open(int64_t directory, uint64_t limit)
{
  log.directory = directory;
  log.limit = limit;
  log.file = open_log(0);
  if (log.file < 0) return log.file;
  int64_t size = SYS3(__NR_lseek, log.file, 0, SEEK_TO_END);
  log.size = size > 0 ? (uint64_t)size : 0;
  return 0;
}

/* A new file is begun, and one older one is kept. Without room for it the old one goes on. */
static void rotate(void)
{
  if (SYS4(__NR_renameat2, log.directory, "log", log.directory, "log.1") < 0) return;
  int64_t fresh = open_log(O_EXCLUSIVE);
  if (fresh < 0) return;
  SYS1(__NR_close, log.file);
  log.file = fresh;
  log.size = 0;
}

/* A record is written whole or not at all, so that a reader always finds the next one. */
static bool append(uint8_t stream, const void *bytes, uint32_t length)
{
  struct record record = {clock_ns(CLOCK_WALL), length, stream, {0, 0, 0}};
  struct io_vector parts[2] = {{&record, sizeof record}, {bytes, length}};
  int64_t whole = (int64_t)(sizeof record + length), done;
  do done = SYS3(__NR_writev, log.file, parts, 2);
  while (done == -E_INTR);
  if (done > 0 && done < whole) SYS2(__NR_ftruncate, log.file, log.size);
  if (done == whole) log.size += (uint64_t)whole;
  return done == whole;
}

static void keep(uint8_t stream, uint32_t length)
{
  if (log.size > 0 && log.size + length > log.limit) rotate();
  if (log.lost > 0 && append(LOG_LOST, &log.lost, sizeof log.lost)) log.lost = 0;
  if (log.lost > 0 || !append(stream, piece, length)) log.lost += length;
}

/* Takes what a stream gives; it is -1 afterwards when it has ended. Whether there was something. */
bool log_step(int32_t *from, uint8_t stream)
{
  int64_t got = SYS3(__NR_read, *from, piece, sizeof piece);
  if (got == -E_INTR) return true;
  if (got == -E_AGAIN) return false;
  if (got > 0) keep(stream, (uint32_t)got);
  else *from = -1;
  return got > 0;
}
