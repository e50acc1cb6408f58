/* Times whole commands: for each number read, runs the command so often, and prints the milliseconds of each run. "," as an argument stands between several
   commands that are one run together. With --memory first it is the most memory in KiB that one of the commands had at a time. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;
static double now(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static posix_spawn_file_actions_t actions;
/* Of the last run. */
static long most_memory;

/* Runs the commands in argv one after the other; the exit status of the first that fails. */
static int run(char **argv)
{
  most_memory = 0;
  for (char **command = argv; *command; ) {
    char **end = command;
    while (*end && strcmp(*end, ",") != 0) end++;
    char *separator = *end;
    *end = NULL;
    pid_t pid;
    int status = 2;
    struct rusage usage = {0};
    if (posix_spawnp(&pid, command[0], &actions, NULL, command, environ) == 0) wait4(pid, &status, 0, &usage);
    if (usage.ru_maxrss > most_memory) most_memory = usage.ru_maxrss;
    *end = separator;
    if (status != 0) return 1;
    command = separator ? end + 1 : end;
  }
  return 0;
}

int main(int argc, char **argv)
{
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  int count, memory = argc > 1 && strcmp(argv[1], "--memory") == 0;
  argv += memory;
  while (argc > 1 && scanf("%d", &count) == 1) {
    printf("[");
    for (int i = 0; i < count; i++) {
      double begun = now();
      if (run(argv + 1) != 0) return 1;
      printf("%s%.4f", i ? "," : "", memory ? (double)most_memory : now() - begun);
    }
    printf("]\n");
    fflush(stdout);
  }
  return 0;
}
