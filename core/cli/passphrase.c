/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "cli/passphrase.h"

#include "support/error.h"
#include "support/fd.h"
#include "support/fs.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <termios.h>

#define MAX_BYTES 1023 /* minisign's PASSWORDMAXBYTES, less the end */

gboolean
vf_cli_check_passphrase_fd (int descriptor, const char *command, GError **error)
{
  if (descriptor == -1 || (descriptor >= 0 && fcntl (descriptor, F_GETFD) >= 0))
    return TRUE;
  return vf_cli_usage_error (error, command, "--passphrase-fd names an open file descriptor, not '%d'",
                             descriptor);
}

char *
vf_cli_author_key_path (void)
{
  return g_build_filename (g_get_user_config_dir (), "vmforge", "author.key", NULL);
}

/* FALSE: cancelled, or it cannot wait. */
static gboolean
wait_readable (int fd, GCancellable *cancellable, GError **error)
{
  struct pollfd polled[] = {{.fd = fd, .events = POLLIN},
                            {.fd = g_cancellable_get_fd (cancellable), .events = POLLIN}};
  int ready;
  do
    ready = poll (polled, G_N_ELEMENTS (polled), -1);
  while (ready < 0 && errno == EINTR);
  gboolean done = ready >= 0 || vf_error_set_errno (error, "cannot wait for the passphrase");
  if (done && vf_error_set_if_cancelled (cancellable, error))
    done = FALSE;
  if (polled[1].fd >= 0)
    g_cancellable_release_fd (cancellable);
  return done;
}

/* Byte by byte: what follows the line is not ours. */
static gboolean
read_line (int fd, GCancellable *cancellable, char line[MAX_BYTES + 1], GError **error)
{
  for (gsize length = 0;; length++) {
    char byte;
    if (!wait_readable (fd, cancellable, error))
      return FALSE;
    ssize_t got = read (fd, &byte, 1);
    if (got < 0)
      return vf_error_set_errno (error, "cannot read the passphrase");
    if (got == 0 || byte == '\n') {
      line[length] = '\0';
      return TRUE;
    }
    if (byte == '\0' || length == MAX_BYTES)
      return vf_error_set (error, VMFORGE_ERROR_FAILED,
                           "a passphrase is one line of at most %d bytes, without a NUL", MAX_BYTES);
    line[length] = byte;
  }
}

static char *
take_line (int fd, GCancellable *cancellable, GError **error)
{
  char line[MAX_BYTES + 1];
  char *taken = read_line (fd, cancellable, line, error) ? g_strdup (line) : NULL;
  explicit_bzero (line, sizeof line);
  return taken;
}

/* ^C cancels and does not kill, so that the echo comes back. */
static char *
ask_terminal (const VfCli *cli, const char *prompt, GError **error)
{
  struct termios before, silent;
  vf_autofd int fd = open ("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (fd < 0 || tcgetattr (fd, &before) < 0) {
    vf_error_set (
        error, VMFORGE_ERROR_ENVIRONMENT,
        "there is no terminal to ask for the passphrase at: --passphrase-fd N reads it from a descriptor");
    return NULL;
  }
  silent = before;
  silent.c_lflag &= ~(tcflag_t)ECHO;
  silent.c_lflag |= ICANON | ECHONL | ISIG;
  if (!vf_fs_write_all (fd, prompt, strlen (prompt), error))
    return NULL;
  if (tcsetattr (fd, TCSAFLUSH, &silent) < 0) {
    vf_error_set_errno (error, "cannot turn off the echo of the terminal");
    return NULL;
  }
  char *line = take_line (fd, cli->cancellable, error);
  if (tcsetattr (fd, TCSAFLUSH, &before) < 0)
    g_debug ("cannot turn on the echo of the terminal again");
  if (line == NULL)
    (void)vf_fs_write_all (fd, "\n", 1, NULL);
  return line;
}

static char *
refuse_empty (char *passphrase, GError **error)
{
  if (passphrase == NULL || *passphrase != '\0')
    return passphrase;
  vf_sign_wipe (passphrase);
  vf_error_set (error, VMFORGE_ERROR_SPEC, "the passphrase is empty: an author key has one");
  return NULL;
}

char *
vf_cli_new_passphrase (const VfCli *cli, const char *path, int descriptor, GError **error)
{
  if (descriptor >= 0)
    return refuse_empty (take_line (descriptor, cli->cancellable, error), error);
  g_autofree char *prompt = g_strdup_printf ("Passphrase for the new key '%s': ", path);
  char *first = refuse_empty (ask_terminal (cli, prompt, error), error);
  char *second = first == NULL ? NULL : ask_terminal (cli, "The same again: ", error);
  if (second != NULL && strcmp (first, second) != 0) {
    vf_error_set (error, VMFORGE_ERROR_SPEC, "the two passphrases differ: nothing was written");
    vf_sign_wipe (g_steal_pointer (&second));
  }
  vf_sign_wipe (first);
  return second;
}

typedef struct {
  const VfCli *cli;
  const char *path;
  int descriptor;
} Question;

static char *
ask (gpointer user_data, GError **error)
{
  const Question *question = user_data;
  if (question->descriptor >= 0)
    return take_line (question->descriptor, question->cli->cancellable, error);
  g_autofree char *prompt = g_strdup_printf ("Passphrase of '%s': ", question->path);
  return ask_terminal (question->cli, prompt, error);
}

VfSignKey *
vf_cli_load_author_key (const VfCli *cli, const char *path, int descriptor, GError **error)
{
  g_autofree char *usual = vf_cli_author_key_path ();
  Question question = {cli, path == NULL ? usual : path, descriptor};
  if (path == NULL && !vf_fs_exists (AT_FDCWD, usual)) {
    vf_error_set (error, VMFORGE_ERROR_NOT_FOUND,
                  "there is no key '%s': `vmforge key new` makes one, --key names another", usual);
    return NULL;
  }
  return vf_sign_key_load (AT_FDCWD, question.path, ask, &question, error);
}
