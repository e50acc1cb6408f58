/* The bottom: how a system call is made, where the program begins, and the three functions that compilers call unasked. */
#include "sys.h"
#include <asm/unistd.h>

#ifndef CT_FUZZ
#if defined(__x86_64__)
int64_t sys_call(int64_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
  int64_t result;
  register uint64_t r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}

/* The kernel leaves argc, argv, the environment and the auxiliary vector on the stack. */
__asm__(".globl _start\n_start:\n  xor %ebp, %ebp\n  mov %rsp, %rdi\n  and $-16, %rsp\n  call ct_start\n  hlt\n");
#elif defined(__aarch64__)
int64_t sys_call(int64_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
  register uint64_t x8 __asm__("x8") = (uint64_t)nr, x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c;
  register uint64_t x3 __asm__("x3") = d, x4 __asm__("x4") = e, x5 __asm__("x5") = f;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
  return (int64_t)x0;
}

__asm__(".globl _start\n_start:\n  mov x29, #0\n  mov x30, #0\n  mov x0, sp\n  and sp, x0, #-16\n  bl ct_start\n  brk #1\n");
#else
#error "libct knows x86_64 and aarch64"
#endif

/* The processor's own string instructions where it has them: they are as fast as it can be done. */
void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
  unsigned char *t = to;
  const unsigned char *f = from;
#if defined(__x86_64__)
  __asm__ volatile("rep movsb" : "+D"(t), "+S"(f), "+c"(size) : : "memory");
#else
  while (size--) *t++ = *f++;
#endif
  return to;
}

void *memmove(void *to, const void *from, size_t size)
{
  unsigned char *t = to;
  const unsigned char *f = from;
  if (t <= f) return memcpy(to, from, size);
  while (size--) t[size] = f[size];
  return to;
}

void *memset(void *to, int byte, size_t size)
{
  unsigned char *t = to;
#if defined(__x86_64__)
  __asm__ volatile("rep stosb" : "+D"(t), "+c"(size) : "a"(byte) : "memory");
#else
  while (size--) *t++ = (unsigned char)byte;
#endif
  return to;
}
#endif

uint64_t clock_ns(uint32_t clock)
{
  int64_t now[2] = {0, 0};
  SYS2(__NR_clock_gettime, clock, now);
  return (uint64_t)(now[0] * 1000000000 + now[1]);
}

_Noreturn void sys_exit(int status)
{
  for (;;) SYS1(__NR_exit_group, status);
}
