/* Is a program well-formed? Whatever passes here can be interpreted without looking at the bounds again. */
#include "abi.h"
#include "executor.h"
#include "sys.h"

/* How many arguments each operation has, whether the first is a place in memory, and whether it jumps. */
static const struct { uint8_t args; bool place, jumps; } shapes[] = {
  [CT_OP_SYSCALL] = {6, false, true}, [CT_OP_SPAWN] = {2, false, true},   [CT_OP_LOAD] = {1, true, false},
  [CT_OP_STORE] = {2, true, false},   [CT_OP_DECIMAL] = {3, true, false}, [CT_OP_NOTIFY] = {6, false, false},
  [CT_OP_SEND] = {2, true, false},    [CT_OP_AWAIT] = {2, true, false},   [CT_OP_SUPERVISE] = {5, false, false},
  [CT_OP_EXPECT] = {2, false, false}, [CT_OP_JUMP] = {2, false, true},    [CT_OP_FAIL] = {0, false, false},
  [CT_OP_CLOSE_FROM] = {1, false, false}, [CT_OP_LOG] = {4, false, false}, [CT_OP_RESTART] = {2, false, false},
  [CT_OP_DONE] = {0, false, false},
};

/* The bytes of memory that an operation touches from its first argument on, as far as that is known beforehand. */
static uint64_t touched(const struct operation *op)
{
  uint32_t length = op->code == CT_OP_DECIMAL ? 2 : 1;
  if (op->code == CT_OP_LOAD || op->code == CT_OP_STORE) return op->nr;
  return op->kind[length] == CT_KIND_IMMEDIATE ? op->arg[length] : 0;
}

static enum refusal check_operation(const struct program *program, const struct operation *op)
{
  const struct program_header *header = program->header;
  if (op->code < CT_OP_SYSCALL || op->code > CT_OP_DONE) return REFUSED_OPERATION;
  if (op->dst >= CT_LIMIT_REGISTERS && op->dst != CT_LIMIT_NO_REGISTER) return REFUSED_REGISTER;
  for (uint32_t i = 0; i < CT_LIMIT_ARGS; i++) {
    if (op->kind[i] > CT_KIND_REGISTER) return REFUSED_ARGUMENT;
    if (op->kind[i] == CT_KIND_REGISTER && op->arg[i] >= CT_LIMIT_REGISTERS) return REFUSED_REGISTER;
    if (op->kind[i] == CT_KIND_DATA && op->arg[i] > header->memory) return REFUSED_RANGE;
  }
  if (op->code == CT_OP_SPAWN && op->nr >= header->blocks) return REFUSED_BLOCK;
  if ((op->code == CT_OP_EXPECT || op->code == CT_OP_FAIL) && (op->nr == 0 || op->nr > 4095)) return REFUSED_ERRNO;
  if (op->code == CT_OP_SUPERVISE && op->kind[4] == CT_KIND_DATA && header->memory - op->arg[4] < CT_LIMIT_EXIT_REPORT) return REFUSED_RANGE;
  if (!shapes[op->code].place) return REFUSED_NOTHING;
  if (op->kind[0] != CT_KIND_DATA) return REFUSED_ARGUMENT;
  bool fixed = op->code == CT_OP_LOAD || op->code == CT_OP_STORE;
  if (fixed && op->nr != 1 && op->nr != 2 && op->nr != 4 && op->nr != 8) return REFUSED_WIDTH;
  if (op->code == CT_OP_DECIMAL && op->kind[2] != CT_KIND_IMMEDIATE) return REFUSED_ARGUMENT;
  if (op->code == CT_OP_AWAIT && op->kind[1] != CT_KIND_IMMEDIATE) return REFUSED_ARGUMENT;
  return touched(op) > header->memory - op->arg[0] ? REFUSED_RANGE : REFUSED_NOTHING;
}

/* Jumps lead forward and stay in their block, so that every program ends. */
static enum refusal check_block(const struct program *program, const struct range *block, uint32_t *where)
{
  if (block->first > block->end || block->end > program->header->ops) return REFUSED_BLOCK;
  for (uint32_t i = block->first; i < block->end; i++) {
    const struct operation *op = &program->ops[i];
    *where = i;
    bool jumps = op->code == CT_OP_JUMP || op->jump_errno[0] != 0 || op->jump_errno[1] != 0;
    if (jumps && shapes[op->code].jumps && (op->target <= i || op->target > block->end)) return REFUSED_TARGET;
  }
  return REFUSED_NOTHING;
}

static enum refusal check_contents(const struct program *program, uint32_t *where)
{
  const struct program_header *header = program->header;
  for (uint32_t i = 0; i < header->relocations; i++) {
    const struct relocation *r = &program->relocations[i];
    *where = i;
    if (r->where % 8 != 0 || header->memory < 8 || r->where > header->memory - 8 || r->target > header->memory) return REFUSED_RELOCATION;
  }
  for (uint32_t i = 0; i < header->ops; i++) {
    enum refusal refusal = check_operation(program, &program->ops[i]);
    *where = i;
    if (refusal != REFUSED_NOTHING) return refusal;
  }
  for (uint32_t i = 0; i < header->blocks; i++) {
    *where = i;
    enum refusal refusal = check_block(program, &program->blocks[i], where);
    if (refusal != REFUSED_NOTHING) return refusal;
  }
  return REFUSED_NOTHING;
}

enum refusal program_check(struct program *program, uint8_t *bytes, size_t size, size_t capacity, uint32_t *where)
{
  const struct program_header *header = (const void *)bytes;
  *where = 0;
  if (size < sizeof *header) return REFUSED_SIZE;
  if (header->magic != CT_PROGRAM_MAGIC) return REFUSED_MAGIC;
  if (header->ops > CT_LIMIT_MAX_OPS || header->blocks == 0 || header->blocks > CT_LIMIT_MAX_BLOCKS) return REFUSED_COUNTS;
  if (header->relocations > CT_LIMIT_MAX_RELOCATIONS) return REFUSED_COUNTS;
  if (header->epilogue != CT_LIMIT_NO_BLOCK && header->epilogue >= header->blocks) return REFUSED_BLOCK;
  size_t blocks = sizeof *header;
  size_t relocations = blocks + (size_t)header->blocks * sizeof(struct range);
  size_t ops = relocations + (size_t)header->relocations * sizeof(struct relocation);
  size_t data = ops + (size_t)header->ops * sizeof(struct operation);
  if (header->size != size || data > size || size - data != header->data) return REFUSED_SIZE;
  if (header->memory < header->data || header->memory > capacity - data) return REFUSED_SIZE;
  *program = (struct program){
    .header = header,
    .blocks = (const void *)(bytes + blocks),
    .relocations = (const void *)(bytes + relocations),
    .ops = (const void *)(bytes + ops),
    .memory = bytes + data,
  };
  return check_contents(program, where);
}

/* Zeroes what the program did not send, which may hold an older program's data, and puts the addresses in. */
void program_load(const struct program *program)
{
  const struct program_header *header = program->header;
  memset(program->memory + header->data, 0, header->memory - header->data);
  for (uint32_t i = 0; i < header->relocations; i++) {
    uint64_t address = (uint64_t)(uintptr_t)(program->memory + program->relocations[i].target);
    memcpy(program->memory + program->relocations[i].where, &address, sizeof address);
  }
}
