/*
 * Feeds the executor arbitrary programs: whatever passes the check must be interpreted, and supervised, without touching memory that is not the program's.
 * System calls are not made: their results, and what arrives, come from the input.
 */
#include "../abi.h"
#include "../executor.h"
#include "../sys.h"
#include <asm/unistd.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

/* A program's system calls are told from the executor's own: nothing may be done with their addresses. */
int64_t program_call(int64_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f);
#define sys_call program_call
#include "../interpret.c"
#undef sys_call

uint32_t own_id, own_call, passed;

static const uint8_t *results;
static size_t results_left;
static const uint8_t *call;
static size_t call_size;
static jmp_buf ended;
static volatile uint64_t seen;

static void look_at(const void *bytes, size_t size)
{
  for (size_t i = 0; i < size; i++) seen += ((const uint8_t *)bytes)[i];
}

static int64_t next_result(void)
{
  int16_t result = (int16_t)(results[0] | results[1] << 8);
  results += 2;
  results_left -= 2;
  return result;
}

/* A GO with that many bytes, or the program itself as a CALL. */
static int64_t receive_frame(uint8_t *to, uint64_t room, int64_t result)
{
  if (result < 0) return result;
  bool is_call = (result & 1) != 0;
  struct frame_header header = {0, is_call ? CT_REQUEST_CALL : CT_REQUEST_GO, 0, 0, 1};
  size_t length = is_call ? call_size : (size_t)result >> 1;
  if (length > room - sizeof header) length = room - sizeof header;
  header.length = (uint32_t)length;
  memcpy(to, &header, sizeof header);
  if (is_call) memcpy(to + sizeof header, call, length);
  else memset(to + sizeof header, 0x5a, length);
  return (int64_t)(sizeof header + length);
}

static int64_t poll_entries(struct poll_entry *entries, uint64_t count, int64_t result)
{
  int64_t ready = 0;
  for (uint64_t i = 0; i < count; i++) {
    entries[i].revents = entries[i].fd >= 0 && (result >> i & 1) ? entries[i].events : 0;
    ready += entries[i].revents != 0;
  }
  return ready;
}

/* The calls that a program makes. */
int64_t program_call(int64_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
  (void)a, (void)b, (void)c, (void)d, (void)e, (void)f;
  if (nr == __NR_exit_group) longjmp(ended, 1);
  return results_left < 2 ? -E_INVAL : next_result();
}

/* The calls of the executor itself: its buffers are filled and read. When the input has run out there are no more frames, children, or data. */
int64_t sys_call(int64_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
  (void)e, (void)f;
  if (nr == __NR_exit_group) longjmp(ended, 1);
  if (results_left < 2) return nr == __NR_wait4 || nr == __NR_waitid ? -E_CHILD : 0;
  int64_t result = next_result();
  if (nr == __NR_recvfrom) return receive_frame((uint8_t *)(uintptr_t)b, c, result);
  if (nr == __NR_ppoll) return poll_entries((struct poll_entry *)(uintptr_t)a, b, result);
  if (nr == __NR_read && result > 0) {
    result %= (int64_t)c + 1;
    /* Data for the terminal, or a list of children. */
    for (int64_t i = 0; i < result; i++) ((uint8_t *)(uintptr_t)b)[i] = i % 5 == 4 ? ' ' : '1';
  }
  if (nr == __NR_write) {
    look_at((const void *)(uintptr_t)b, c);
    if (result > (int64_t)c) result = (int64_t)c;
  }
  if (nr == __NR_writev) {
    const struct io_vector *parts = (const struct io_vector *)(uintptr_t)b;
    for (uint64_t i = 0; i < c; i++) look_at(parts[i].base, parts[i].length);
  }
  if (nr == __NR_clock_gettime) {
    /* Time goes on in large steps, so that no wait is long. */
    static int64_t clock;
    clock += 1000;
    memcpy((void *)(uintptr_t)b, (int64_t[2]){clock, result & 0xffff}, 16);
    return 0;
  }
  if (nr == __NR_wait4 && d != 0) {
    *(int32_t *)(uintptr_t)b = (int32_t)result;
    *(struct rusage64 *)(uintptr_t)d = (struct rusage64){.user = {result & 0xffff, 1}, .maxrss = 4096};
    return result & 7;
  }
  return result;
}

/* The zygote's, which has other descriptors than a test may close. */
void close_free_descriptors(void) {}
void say_done(void) {}

void send_frame(uint16_t type, uint16_t code, uint32_t seq, const void *payload, size_t size)
{
  (void)type, (void)code, (void)seq;
  look_at(payload, size);
}

/* Most random inputs are no programs: the header is made to fit, so that the fuzzer gets behind it. */
static size_t fit_header(uint8_t *bytes, size_t size)
{
  struct program_header *header = (struct program_header *)(void *)bytes;
  if (size < sizeof *header || bytes[24] & 1) return size;
  header->magic = CT_PROGRAM_MAGIC;
  header->blocks = (uint16_t)(header->blocks % 4 + 1);
  header->relocations %= 8;
  size_t tables = sizeof *header + header->blocks * 8u + header->relocations * 8u;
  if (size < tables) return size;
  size_t ops = (size - tables) / CT_LIMIT_OP_SIZE;
  header->ops = (uint16_t)(ops > 24 ? 24 : ops);
  size_t data = tables + (size_t)header->ops * CT_LIMIT_OP_SIZE;
  header->size = (uint32_t)size;
  header->data = (uint32_t)(size - data);
  header->memory = header->data + header->memory % 512;
  if (header->epilogue >= header->blocks) header->epilogue = CT_LIMIT_NO_BLOCK;
  struct range *ranges = (struct range *)(void *)(bytes + sizeof *header);
  for (uint32_t i = 0; i < header->blocks; i++) {
    ranges[i].first %= header->ops + 1u;
    ranges[i].end = ranges[i].first + ranges[i].end % (header->ops - ranges[i].first + 1u);
  }
  for (size_t i = 0; i < header->ops; i++) {
    struct operation *op = (struct operation *)(void *)(bytes + tables + i * CT_LIMIT_OP_SIZE);
    op->code = (uint8_t)(op->code % CT_OP_RESTART + 1);
    if (op->dst != CT_LIMIT_NO_REGISTER) op->dst %= CT_LIMIT_REGISTERS;
    for (int k = 0; k < CT_LIMIT_ARGS; k++) op->kind[k] %= 3;
    /* The executor's own recvmsg is answered; one with a program's arbitrary pointers cannot be. */
    if (op->code == CT_OP_SYSCALL && op->nr == __NR_recvmsg) op->nr = 0;
  }
  return size;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
  enum { SLACK = 4096 };
  if (size < 2 || size > 8192) return 0;
  size_t tail = input[0];
  if (tail > size - 1) tail = size - 1;
  results = input + size - tail;
  results_left = tail;
  size_t length = size - 1 - tail;
  /* As large as it claims to need and not a byte more, so that the sanitizer sees every step outside. */
  uint8_t *bytes = aligned_alloc(16, (length + SLACK + 15) / 16 * 16);
  memcpy(bytes, input + 1, length);
  length = fit_header(bytes, length);
  /* A copy: a CALL's memory is its own. */
  uint8_t *copy = malloc(length + 1);
  memcpy(copy, bytes, length);
  call = copy;
  call_size = length;
  struct program program;
  uint32_t where;
  memset(registers, 0, sizeof registers);
  in_call = is_spawned = false;
  own_call = 0;
  if (program_check(&program, bytes, length, length + SLACK, &where) == REFUSED_NOTHING) {
    program_load(&program);
    if (setjmp(ended) == 0) {
      for (int runs = 0; runs < 3; runs++) {
        interpret(&program, 0, PHASE_PROGRAM);
        kill_descendants();
        if (program.header->epilogue == CT_LIMIT_NO_BLOCK) break;
        interpret(&program, program.header->epilogue, PHASE_EPILOGUE);
        if (!begin_restart()) break;
      }
    }
  }
  free(copy);
  free(bytes);
  return 0;
}
