/*
 * Feeds the executor arbitrary programs: whatever passes the check must be interpreted without touching memory that is not the program's. System calls
 * are not made: their results come from the input.
 */
#include "../abi.h"
#include "../executor.h"
#include "../sys.h"
#include <asm/unistd.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

uint32_t own_id;
struct exit_report exit_report;

static const uint8_t *results;
static size_t results_left;
static jmp_buf ended;
static volatile uint64_t seen;

static void look_at(const void *bytes, size_t size)
{
  for (size_t i = 0; i < size; i++) seen += ((const uint8_t *)bytes)[i];
}

int64_t sys_call(int64_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
  (void)a, (void)d, (void)e, (void)f;
  if (nr == __NR_exit_group) longjmp(ended, 1);
  if (results_left < 2) return -E_INVAL;
  int64_t result = (int16_t)(results[0] | results[1] << 8);
  results += 2;
  results_left -= 2;
  if (nr == __NR_recvmsg && a == CT_LIMIT_COMMAND_FD) {
    /* What awaits GO gets a frame with as many bytes as it says it has room for. */
    struct message *message = (struct message *)(uintptr_t)b;
    if (message->vector_count != 2 || c != MSG_REPORT_LENGTH) return -E_INVAL;
    struct frame_header header = {(uint32_t)result & 0xfff, CT_REQUEST_GO, 0, 0, 0};
    memcpy((void *)(uintptr_t)message->vectors[0].base, &header, sizeof header);
    size_t length = header.length < message->vectors[1].length ? header.length : message->vectors[1].length;
    memset((void *)(uintptr_t)message->vectors[1].base, 0x5a, length);
    return (int64_t)(sizeof header + length);
  }
  return result;
}

void send_frame(uint16_t type, uint16_t code, uint32_t seq, const void *payload, size_t size)
{
  (void)type, (void)code, (void)seq;
  look_at(payload, size);
}

int64_t supervise(int64_t pid, int64_t master, int64_t input, int64_t output, bool keep_running)
{
  return ((pid ^ master ^ input ^ output) & 1) != keep_running ? 0 : -E_INVAL;
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
    op->code = (uint8_t)(op->code % 13 + 1);
    if (op->dst != CT_LIMIT_NO_REGISTER) op->dst %= CT_LIMIT_REGISTERS;
    for (int k = 0; k < CT_LIMIT_ARGS; k++) op->kind[k] %= 3;
    /* The executor's own recvmsg is answered; one with a program's arbitrary pointers cannot be. */
    if (op->code == CT_OP_SYSCALL && op->nr == __NR_recvmsg) op->nr = 0;
    /* A loop over descriptors ends with the first long gap, which the results cannot give. */
    if (op->code == CT_OP_CLOSE_FROM) op->code = CT_OP_NOTIFY;
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
  struct program program;
  uint32_t where;
  if (program_check(&program, bytes, length, length + SLACK, &where) == REFUSED_NOTHING) {
    program_load(&program);
    if (setjmp(ended) == 0) {
      interpret(&program, 0, PHASE_PROGRAM);
      interpret(&program, 0, PHASE_CALL);
      if (program.header->epilogue != CT_LIMIT_NO_BLOCK) interpret(&program, program.header->epilogue, PHASE_EPILOGUE);
    }
  }
  free(bytes);
  return 0;
}
