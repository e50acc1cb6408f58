/* System calls without a C library: one function that everything goes through, so that the fuzzer can put its own in its place. */
#ifndef CT_SYS_H
#define CT_SYS_H
#include <stddef.h>
#include <stdint.h>

/* The result, or -errno. */
int64_t sys_call(int64_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f);

#define SYS0(nr) sys_call(nr, 0, 0, 0, 0, 0, 0)
#define SYS1(nr, a) sys_call(nr, (uint64_t)(a), 0, 0, 0, 0, 0)
#define SYS2(nr, a, b) sys_call(nr, (uint64_t)(a), (uint64_t)(b), 0, 0, 0, 0)
#define SYS3(nr, a, b, c) sys_call(nr, (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), 0, 0, 0)
#define SYS4(nr, a, b, c, d) sys_call(nr, (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), (uint64_t)(d), 0, 0)
#define SYS5(nr, a, b, c, d, e) sys_call(nr, (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), (uint64_t)(d), (uint64_t)(e), 0)
#define SYS6(nr, a, b, c, d, e, f) \
  sys_call(nr, (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), (uint64_t)(d), (uint64_t)(e), (uint64_t)(f))

/* Nanoseconds */
uint64_t clock_ns(uint32_t clock);

_Noreturn void sys_exit(int status);

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);
#endif
