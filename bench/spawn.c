/* Times whole commands: for each number read, runs the command so often, and prints the milliseconds of each run. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;
static double now(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

int main(int argc, char **argv)
{
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  int count, status;
  while (argc > 1 && scanf("%d", &count) == 1) {
    printf("[");
    for (int i = 0; i < count; i++) {
      pid_t pid;
      double begun = now();
      if (posix_spawnp(&pid, argv[1], &actions, NULL, argv + 1, environ) != 0) return 2;
      waitpid(pid, &status, 0);
      printf("%s%.4f", i ? "," : "", now() - begun);
      if (status != 0) return 1;
    }
    printf("]\n");
    fflush(stdout);
  }
  return 0;
}
