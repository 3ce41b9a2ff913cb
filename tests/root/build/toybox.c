/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The whole userland of the toy distribution: a static program that is /bin/sh and tries, from inside of the
 * sandbox, what must not be possible. `sh -c "COMMAND [ARGUMENT [ARGUMENT]]"`, or `sh FILE` with the same
 * inside. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

extern char **environ;

static int
report (const char *what, int result)
{
  printf ("%s: %s\n", what, result == 0 ? "worked" : strerror (errno));
  return 0;
}

static int
show_file (const char *path, const char *prefix)
{
  char line[4096];
  FILE *file = fopen (path, "re");
  while (file && fgets (line, sizeof line, file))
    if (strncmp (line, prefix, strlen (prefix)) == 0)
      fputs (line, stdout);
  return file ? fclose (file) : 1;
}

static int
show_environment (void)
{
  for (char **item = environ; *item; item++)
    puts (*item);
  return 0;
}

static int
write_file (const char *path, const char *text)
{
  FILE *file = fopen (path, "we");
  return file && fputs (text, file) >= 0 && fclose (file) == 0 ? 0 : 1;
}

static int
fill (const char *path)
{
  static char block[65536];
  int fd = open (path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  memset (block, 1, sizeof block);
  while (write (fd, block, sizeof block) > 0)
    ;
  printf ("toy: %s\n", strerror (errno));
  return 7;
}

/* What a badly written start script does. */
static int
leave_daemon (const char *seconds)
{
  if (fork () == 0) {
    setsid ();
    sleep (atoi (seconds));
    _exit (0);
  }
  return 0;
}

static int
run (char *command)
{
  const char *word = strtok (command, " \n"), *a = strtok (NULL, " \n"), *b = strtok (NULL, "\n");
  if (!word || strcmp (word, "true") == 0)
    return 0;
  a = a ? a : "";
  if (strcmp (word, "exit") == 0)
    return puts ("going down"), atoi (a);
  if (strcmp (word, "caps") == 0)
    return show_file ("/proc/self/status", "Cap");
  if (strcmp (word, "nets") == 0)
    return show_file ("/proc/net/dev", "");
  if (strcmp (word, "mounts") == 0)
    return show_file ("/proc/self/mountinfo", "");
  if (strcmp (word, "env") == 0)
    return show_environment ();
  if (strcmp (word, "mknod") == 0)
    return report ("mknod", mknod (a, S_IFBLK | 0600, makedev (7, 0)));
  if (strcmp (word, "mount") == 0)
    return report ("mount", mount ("tmpfs", a, "tmpfs", 0, NULL));
  if (strcmp (word, "show") == 0)
    return show_file (a, "");
  if (strcmp (word, "remove") == 0)
    return report ("remove", remove (a));
  if (strcmp (word, "exists") == 0)
    return report (a, access (a, F_OK));
  if (strcmp (word, "write") == 0)
    return write_file (a, b ? b : "");
  if (strcmp (word, "fill") == 0)
    return fill (a);
  if (strcmp (word, "sleep") == 0)
    return sleep (atoi (a));
  if (strcmp (word, "daemon") == 0)
    return leave_daemon (a);
  if (strcmp (word, "fsync") == 0)
    return report ("fsync", fsync (-1)); /* a bad descriptor: only a filter makes it work */
  if (strcmp (word, "crash") == 0)
    return raise (SIGSEGV);
  fprintf (stderr, "toy: no command '%s'\n", word);
  return 127;
}

int
main (int argc, char **argv)
{
  static char text[65536];
  setvbuf (stdout, NULL, _IOLBF, 0);
  if (argc == 3 && strcmp (argv[1], "-c") == 0)
    return run (argv[2]);
  FILE *file = argc == 2 ? fopen (argv[1], "re") : NULL;
  if (!file)
    return 2;
  text[fread (text, 1, sizeof text - 1, file)] = '\0';
  char *line = text[0] == '#' ? strchr (text, '\n') : text;
  return run (line ? line : text);
}
