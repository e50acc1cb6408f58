/* What the parts of the executor know of each other. docs/executor.md is the contract with the application. */
#ifndef CT_EXECUTOR_H
#define CT_EXECUTOR_H
#include "protocol.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct frame_header { uint32_t length; uint16_t type, code; uint32_t id, seq; };

struct operation {
  uint8_t code, dst;
  uint16_t nr;
  uint8_t kind[CT_LIMIT_ARGS], tolerate[CT_LIMIT_TOLERATED], jump_errno[CT_LIMIT_JUMP_ERRNOS];
  uint32_t target, flags;
  uint64_t arg[CT_LIMIT_ARGS];
};
_Static_assert(sizeof(struct operation) == CT_LIMIT_OP_SIZE, "the wire format has no padding");

struct program_header { uint32_t magic, size, memory, data; uint16_t ops, blocks, relocations, epilogue; uint64_t zero; };
_Static_assert(sizeof(struct program_header) == CT_LIMIT_PROGRAM_HEADER, "the wire format has no padding");

struct range { uint32_t first, end; };
struct relocation { uint32_t where, target; };

/* A program that was found well-formed, where it was received. */
struct program {
  const struct program_header *header;
  const struct range *blocks;
  const struct relocation *relocations;
  const struct operation *ops;
  uint8_t *memory;
};

/* Why a program is refused; `where` is an operation, a block or an offset. */
enum refusal {
  REFUSED_NOTHING, REFUSED_SIZE, REFUSED_MAGIC, REFUSED_COUNTS, REFUSED_BLOCK, REFUSED_RELOCATION, REFUSED_OPERATION,
  REFUSED_REGISTER, REFUSED_ARGUMENT, REFUSED_RANGE, REFUSED_TARGET, REFUSED_WIDTH, REFUSED_ERRNO,
};

/* How an interpretation ends: in `errno` 0 for success, and the operation that failed. */
struct outcome { uint32_t error, op; int64_t value; };

/* Whose failures are told, and how. */
enum phase { PHASE_PROGRAM, PHASE_EPILOGUE, PHASE_CALL };

enum refusal program_check(struct program *program, uint8_t *bytes, size_t size, size_t capacity, uint32_t *where);
void program_load(const struct program *program);

struct outcome interpret(const struct program *program, uint32_t block, enum phase phase);
int64_t supervise(int64_t pid, int64_t master, int64_t from, int64_t to, bool keep_running);
void supervise_logged(int64_t out, int64_t err);
int64_t note_child(int64_t pid);
void kill_descendants(void);
void forget_children(void);
void forget_registers(void);

int64_t plan_restart(int64_t directory, uint64_t most, bool on_failure);
bool begin_restart(void);

int64_t take_command(uint32_t flags, uint32_t refusal, const uint8_t **go);
int64_t await_go(void *to, uint64_t capacity, bool is_monitor);
void end_commands(void);

/* One direction of a terminal's data: more is read when what was read before has been written. A descriptor is -1 when it has ended. */
struct stream { int32_t from, to; uint32_t first, end, piece; uint8_t bytes[4096]; };
struct poll_entry stream_wants(const struct stream *s);
void stream_start(struct stream *s, int32_t from, int32_t to);
void stream_step(struct stream *s, bool is_input);

/* The streams of a log's records. */
enum { LOG_LOST = 0, LOG_OUT = 1, LOG_ERR = 2 };
bool log_is_open(void);
void log_forget(void);
int64_t log_open(int64_t directory, uint64_t limit);
bool log_step(int32_t *from, uint8_t stream);

void send_frame(uint16_t type, uint16_t code, uint32_t seq, const void *payload, size_t size);
int64_t open_signals(uint64_t mask);
int64_t open_child_signals(void);

void say_done(void);
void close_free_descriptors(void);
_Noreturn void monitor(uint32_t id, struct program *program);
_Noreturn void zygote(void);

/* The container that this process works for, and the CALL if it is for one: what it sends says so. */
extern uint32_t own_id, own_call, passed;

/* How many descriptors commands are to have: these stand where a command finds them, and the executor's own behind them (`passed`). */
#define OWN(fd) ((int32_t)(CT_LIMIT_##fd##_FD + passed))

/* The payload of EXIT: microseconds of processor time, bytes, nanoseconds since the epoch, nanoseconds. */
struct exit_report { uint32_t how, status; uint64_t user, system, maxrss, ended, ran; };
_Static_assert(sizeof(struct exit_report) == CT_LIMIT_EXIT_REPORT, "the wire format has no padding");
extern struct exit_report exit_report;
#endif
