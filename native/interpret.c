/* Carries out the operations of one block, one after the other. */
#include "abi.h"
#include "executor.h"
#include "sys.h"
#include <asm/unistd.h>

static int64_t registers[CT_LIMIT_REGISTERS];
/* Whether a CALL is interpreted, also by what it has spawned: its program lies where the next command would be received. */
static bool in_call;
static bool is_spawned;

void forget_registers(void) { memset(registers, 0, sizeof registers); }

static uint64_t value_of(const struct program *program, const struct operation *op, uint32_t index)
{
  if (op->kind[index] == CT_KIND_DATA) return (uint64_t)(uintptr_t)(program->memory + op->arg[index]);
  if (op->kind[index] == CT_KIND_REGISTER) return (uint64_t)registers[op->arg[index]];
  return op->arg[index];
}

static bool is_among(const uint8_t *errnos, uint32_t count, uint32_t error)
{
  for (uint32_t i = 0; i < count; i++)
    if (errnos[i] != 0 && (errnos[i] == error || errnos[i] == CT_LIMIT_ANY_ERRNO)) return true;
  return false;
}

/* A number that does not fit is an error: its first digits would be another number. */
static int64_t write_decimal(uint8_t *to, int64_t value, uint64_t width, uint8_t fill)
{
  uint8_t digits[24];
  uint64_t length = 0;
  uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
  do digits[length++] = (uint8_t)('0' + rest % 10);
  while ((rest /= 10) != 0);
  if (value < 0) digits[length++] = '-';
  if (length > width) return -E_OVERFLOW;
  memset(to, fill, width);
  uint64_t skip = fill != 0 ? width - length : 0;
  for (uint64_t i = 0; i < length; i++) to[skip + i] = digits[length - 1 - i];
  return 0;
}

static int64_t spawn(const struct program *program, const struct operation *op)
{
  uint64_t first = value_of(program, op, 0), second = value_of(program, op, 1);
  int64_t pid;
  if (op->flags & CT_FLAG_SPAWN_CLONE3) {
    uint64_t flags = 0;
    if (op->kind[1] != CT_KIND_DATA || first < 8 || first > program->header->memory - op->arg[1]) return -E_INVAL;
    memcpy(&flags, program->memory + op->arg[1], sizeof flags);
    if (flags & CLONE_VIRTUAL_MEMORY) return -E_INVAL;
    pid = SYS2(__NR_clone3, second, first);
  } else {
    /* A child on our own stack: it must have a copy of it. */
    if (first & CLONE_VIRTUAL_MEMORY) return -E_INVAL;
    pid = SYS5(__NR_clone, first, 0, second, 0, 0);
  }
  if (pid != 0) return note_child(pid);
  is_spawned = true;
  sys_exit(interpret(program, op->nr, PHASE_PROGRAM).error == 0 ? 0 : 125);
}

/* For kernels without close_range: descriptors are dense here, so the first long gap ends them. */
static void close_from(uint64_t first)
{
  for (uint64_t fd = first, missing = 0; missing < 1024; fd++)
    missing = SYS3(__NR_fcntl, fd, F_SET_FD, FD_CLOSE_ON_EXEC) < 0 ? missing + 1 : 0;
}

static int64_t load(const struct program *program, const struct operation *op)
{
  uint64_t value = 0;
  memcpy(&value, program->memory + op->arg[0], op->nr);
  if (!(op->flags & CT_FLAG_LOAD_SIGNED) || op->nr == 8) return (int64_t)value;
  uint64_t sign = (uint64_t)1 << (op->nr * 8 - 1);
  return (int64_t)((value ^ sign) - sign);
}

static void notify(const struct program *program, const struct operation *op)
{
  uint64_t values[CT_LIMIT_ARGS];
  for (uint32_t i = 0; i < CT_LIMIT_ARGS; i++) values[i] = value_of(program, op, i);
  send_frame(CT_EVENT_NOTIFY, op->nr, own_call, values, sizeof values);
}

static int64_t start_supervision(const struct program *program, const struct operation *op)
{
  int64_t error = supervise((int64_t)value_of(program, op, 0), (int64_t)value_of(program, op, 1), (int64_t)value_of(program, op, 2),
                            (int64_t)value_of(program, op, 3), (op->flags & CT_FLAG_SUPERVISE_KEEP_RUNNING) != 0);
  if (op->kind[4] == CT_KIND_DATA) memcpy(program->memory + op->arg[4], &exit_report, sizeof exit_report);
  return error;
}

/* Is the condition of an EXPECT or JUMP met? */
static bool compare(const struct program *program, const struct operation *op)
{
  bool equal = value_of(program, op, 0) == value_of(program, op, 1);
  return equal != ((op->flags & CT_FLAG_COMPARE_NOT_EQUAL) != 0);
}

/* The result, or -errno. Of a conditional jump: whether to jump. */
static int64_t perform(const struct program *program, const struct operation *op)
{
  uint8_t *place = op->kind[0] == CT_KIND_DATA ? program->memory + op->arg[0] : 0;
  uint64_t second = value_of(program, op, 1);
  switch (op->code) {
  case CT_OP_SYSCALL:
    return sys_call(op->nr, value_of(program, op, 0), second, value_of(program, op, 2), value_of(program, op, 3),
                    value_of(program, op, 4), value_of(program, op, 5));
  case CT_OP_SPAWN: return spawn(program, op);
  case CT_OP_LOAD: return load(program, op);
  case CT_OP_STORE: memcpy(place, &second, op->nr); return 0;
  case CT_OP_DECIMAL: return write_decimal(place, (int64_t)second, op->arg[2], (uint8_t)op->nr);
  case CT_OP_NOTIFY: notify(program, op); return 0;
  case CT_OP_SEND:
    if (second > program->header->memory - op->arg[0]) second = program->header->memory - op->arg[0];
    send_frame(CT_EVENT_DATA, op->nr, own_call, place, second);
    return 0;
  case CT_OP_AWAIT: return in_call ? -E_INVAL : await_go(place, second, !is_spawned);
  case CT_OP_SUPERVISE: return in_call ? -E_INVAL : start_supervision(program, op);
  case CT_OP_LOG:
    if (in_call) return -E_INVAL;
    supervise_logged((int64_t)value_of(program, op, 2), (int64_t)value_of(program, op, 3));
    return log_open((int64_t)value_of(program, op, 0), second);
  case CT_OP_RESTART:
    if (in_call || is_spawned) return -E_INVAL;
    return plan_restart((int64_t)value_of(program, op, 0), second, (op->flags & CT_FLAG_RESTART_ON_FAILURE) != 0);
  case CT_OP_DONE: say_done(); return 0;
  case CT_OP_EXPECT: return compare(program, op) ? 0 : -(int64_t)op->nr;
  case CT_OP_JUMP: return compare(program, op);
  case CT_OP_FAIL: return -(int64_t)op->nr;
  default: close_from(value_of(program, op, 0)); return 0;
  }
}

static void report(uint32_t block, uint32_t op, uint32_t error, enum phase phase)
{
  uint32_t payload[4] = {block, op, error, phase == PHASE_EPILOGUE};
  if (phase != PHASE_CALL) send_frame(CT_EVENT_FAIL, 0, own_call, payload, sizeof payload);
}

/* LOAD gives any number; everything else that is negative and small is an error. */
static uint32_t error_of(const struct operation *op, int64_t result)
{
  return op->code != CT_OP_LOAD && result < 0 && result > -4096 ? (uint32_t)-result : 0;
}

struct outcome interpret(const struct program *program, uint32_t block, enum phase phase)
{
  struct outcome outcome = {0, 0, 0};
  const struct range *range = &program->blocks[block];
  in_call |= phase == PHASE_CALL;
  for (uint32_t at = range->first, next; at < range->end; at = next) {
    const struct operation *op = &program->ops[at];
    int64_t result = perform(program, op);
    uint32_t error = error_of(op, result);
    next = op->code == CT_OP_JUMP && result == 1 ? op->target : at + 1;
    bool accepts = op->code == CT_OP_SYSCALL || op->code == CT_OP_SPAWN;
    if (error != 0 && accepts && is_among(op->jump_errno, CT_LIMIT_JUMP_ERRNOS, error)) {
      next = op->target;
    } else if (error != 0 && !(accepts && is_among(op->tolerate, CT_LIMIT_TOLERATED, error))) {
      outcome = (struct outcome){error, at, result};
      report(block, at, error, phase);
      /* Clean-up does as much as it can. */
      if (phase == PHASE_EPILOGUE) continue;
      break;
    }
    if (op->dst != CT_LIMIT_NO_REGISTER) registers[op->dst] = result;
    if (accepts) outcome.value = result;
  }
  if (phase == PHASE_CALL) in_call = false;
  return outcome;
}
