/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "transfer/peer.h"

#include "support/error.h"
#include "support/fd.h"

#include <gio/gio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PROGRAM "vmforge"
#define GRACE   5 /* seconds, for a peer whose stream was closed */

struct _VfPeer {
  char *url;
  GSubprocess *process;
  int fd;
};

static gboolean
refuse (const char *url, GError **error)
{
  return vf_error_set (error, VMFORGE_ERROR_SPEC,
                       "'%s' is no place to push to: ssh://[USER@]HOST[:PORT]/STORE or file:///STORE", url);
}

/* The shell at the other end splits what it is given. */
static char *
remote_command (const char *store)
{
  g_autofree char *quoted = g_shell_quote (store);
  return g_strdup_printf (PROGRAM " receive --store %s", quoted);
}

static gboolean
add_ssh (GPtrArray *argv, const char *url, GUri *uri, const char *rsh, GError **error)
{
  g_auto (GStrv) words = NULL;
  const char *host = g_uri_get_host (uri), *user = g_uri_get_user (uri), *store = g_uri_get_path (uri);
  /* A host that begins with a dash would be an option of ssh. */
  if (host == NULL || !g_ascii_isalnum (*host) || (user != NULL && !g_ascii_isalnum (*user)) ||
      *store != '/' || store[1] == '\0')
    return refuse (url, error);
  g_autoptr (GError) failure = NULL;
  if (!g_shell_parse_argv (rsh == NULL ? "ssh" : rsh, NULL, &words, &failure))
    return vf_error_set (error, VMFORGE_ERROR_SPEC, "--rsh: %s", failure->message);
  for (char **word = words; *word != NULL; word++)
    g_ptr_array_add (argv, g_strdup (*word));
  if (g_uri_get_port (uri) > 0) {
    g_ptr_array_add (argv, g_strdup ("-p"));
    g_ptr_array_add (argv, g_strdup_printf ("%d", g_uri_get_port (uri)));
  }
  g_ptr_array_add (argv, user == NULL ? g_strdup (host) : g_strdup_printf ("%s@%s", user, host));
  g_ptr_array_add (argv, remote_command (store));
  return TRUE;
}

static gboolean
add_local (GPtrArray *argv, const char *url, GUri *uri, GError **error)
{
  const char *host = g_uri_get_host (uri), *store = g_uri_get_path (uri);
  if ((host != NULL && *host != '\0') || *store != '/' || store[1] == '\0')
    return refuse (url, error);
  g_autofree char *self = g_file_read_link ("/proc/self/exe", NULL);
  g_ptr_array_add (argv, g_strdup (self == NULL ? PROGRAM : self));
  g_ptr_array_add (argv, g_strdup ("receive"));
  g_ptr_array_add (argv, g_strdup ("--store"));
  g_ptr_array_add (argv, g_strdup (store));
  return TRUE;
}

static GPtrArray *
make_argv (const char *url, const char *rsh, GError **error)
{
  g_autoptr (GUri) uri = g_uri_parse (url, G_URI_FLAGS_NONE, NULL);
  g_autoptr (GPtrArray) argv = g_ptr_array_new_with_free_func (g_free);
  const char *scheme = uri == NULL ? "" : g_uri_get_scheme (uri);
  gboolean made = g_str_equal (scheme, "ssh")    ? add_ssh (argv, url, uri, rsh, error)
                  : g_str_equal (scheme, "file") ? add_local (argv, url, uri, error)
                                                 : refuse (url, error);
  if (!made)
    return NULL;
  g_ptr_array_add (argv, NULL);
  return g_steal_pointer (&argv);
}

VfPeer *
vf_peer_open (const char *url, const char *rsh, GError **error)
{
  g_autoptr (GPtrArray) argv = make_argv (url, rsh, error);
  int ends[2];
  if (argv == NULL)
    return NULL;
  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
    vf_error_set_errno (error, "cannot make a socket");
    return NULL;
  }
  /* What it writes to standard error, a password prompt too, is for the user. */
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_NONE);
  g_subprocess_launcher_take_stdin_fd (launcher, dup (ends[1]));
  g_subprocess_launcher_take_stdout_fd (launcher, ends[1]);
  g_autoptr (GError) failure = NULL;
  GSubprocess *process = g_subprocess_launcher_spawnv (launcher, (const char *const *)argv->pdata, &failure);
  g_subprocess_launcher_close (launcher);
  if (process == NULL) {
    close (ends[0]);
    vf_error_set (error, VMFORGE_ERROR_ENVIRONMENT, "cannot reach '%s': %s", url, failure->message);
    return NULL;
  }
  VfPeer *peer = g_new0 (VfPeer, 1);
  peer->url = g_strdup (url);
  peer->process = process;
  peer->fd = ends[0];
  return peer;
}

int
vf_peer_get_fd (const VfPeer *peer)
{
  return peer->fd;
}

static gboolean
kill_it (gpointer process)
{
  g_subprocess_force_exit (process);
  return G_SOURCE_REMOVE;
}

static void
note_end (GObject *source, GAsyncResult *result, gpointer ended)
{
  g_subprocess_wait_finish (G_SUBPROCESS (source), result, NULL);
  *(gboolean *)ended = TRUE;
}

/* Not by g_subprocess_wait(), which looks at a context of its own alone: the timer would never fire. */
static gboolean
wait_for_end (GSubprocess *process, gboolean impatient)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (GSource) timer = g_timeout_source_new_seconds (GRACE);
  gboolean ended = FALSE;
  g_main_context_push_thread_default (context);
  if (impatient) {
    g_source_set_callback (timer, kill_it, process, NULL);
    g_source_attach (timer, context);
  }
  g_subprocess_wait_async (process, NULL, note_end, &ended);
  while (!ended)
    g_main_context_iteration (context, TRUE);
  g_source_destroy (timer);
  g_main_context_pop_thread_default (context);
  return g_subprocess_get_successful (process);
}

/* As a shell says it. */
static gboolean
is_missing (GSubprocess *process)
{
  return g_subprocess_get_if_exited (process) && g_subprocess_get_exit_status (process) == 127;
}

gboolean
vf_peer_close (VfPeer *peer, gboolean failed, GError **error)
{
  vf_fd_clear (&peer->fd);
  gboolean done = wait_for_end (peer->process, failed) || failed;
  if (!done)
    vf_error_set (error, VMFORGE_ERROR_FAILED, "the peer '%s' failed", peer->url);
  else if (failed && is_missing (peer->process))
    vf_error_append (error, ": is vmforge installed there, and in the path of its shell?");
  g_object_unref (peer->process);
  g_free (peer->url);
  g_free (peer);
  return done;
}
