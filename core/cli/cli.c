/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What the commands share. */
#include "cli/cli.h"

#include "image/image.h"
#include "plugin/plugin.h"
#include "support/error.h"
#include "support/suggest.h"
#include "support/units.h"

#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

static const char cleaning_up[] = "\nvmforge: stopping, and cleaning up: a moment\n";

/* The only thread that takes the signals. Repeated ones are taken too: nothing cuts the cleaning up short. */
static gpointer
wait_for_signals (gpointer data)
{
  g_autofree sigset_t *signals = ((gpointer *)data)[0];
  GCancellable *cancellable = ((gpointer *)data)[1];
  g_free (data);
  for (int count = 0;; count++) {
    int signal;
    if (sigwait (signals, &signal) != 0)
      return NULL;
    g_cancellable_cancel (cancellable);
    if (count == 1 && write (STDERR_FILENO, cleaning_up, sizeof cleaning_up - 1) < 0)
      g_debug ("standard error is gone");
  }
}

void
vf_cli_catch_signals (VfCli *cli, gboolean interrupt)
{
  static const int wanted[] = {SIGINT, SIGTERM, SIGHUP};
  sigset_t *signals = g_new (sigset_t, 1);
  sigemptyset (signals);
  for (guint i = 0; i < G_N_ELEMENTS (wanted); i++) {
    struct sigaction action;
    if (wanted[i] == SIGINT && !interrupt)
      continue;
    /* Ignored (nohup, a shell's background job) stays ignored. */
    if (sigaction (wanted[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
      sigaddset (signals, wanted[i]);
  }
  cli->cancellable = g_cancellable_new ();
  sigset_t blocked = *signals;
  /* Blocked, not ignored, which children would inherit: a closed pipe is an error of a write. */
  sigaddset (&blocked, SIGPIPE);
  sigaddset (&blocked, SIGINT);
  pthread_sigmask (SIG_BLOCK, &blocked, NULL);
  gpointer *data = g_new (gpointer, 2);
  data[0] = signals;
  data[1] = cli->cancellable;
  g_thread_unref (g_thread_new ("signals", wait_for_signals, data));
}

gboolean
vf_cli_need_root (const char *what, GError **error)
{
  return geteuid () == 0 || vf_error_set (error, VMFORGE_ERROR_ENVIRONMENT,
                                          "%s needs root: run the same command as root or with sudo", what);
}

gboolean
vf_cli_need_store (const VfCli *cli, const char *what, GError **error)
{
  const char *path = cli->store != NULL ? cli->store : g_getenv ("VMFORGE_STORE");
  if (path == NULL)
    return vf_cli_need_root (what, error);
  g_autofree char *parent = g_path_get_dirname (path);
  gboolean may = access (path, W_OK) == 0 || (errno == ENOENT && access (parent, W_OK) == 0);
  return may || vf_cli_need_root (what, error);
}

/* Workers are programs of their own: what we found by options and in a build tree they are told by the
 * environment, file by file, for what else lies beside a plugin is none of their business. */
static void
tell_workers (void)
{
  g_autoptr (GPtrArray) plugins = vf_plugin_scan ();
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  /* Broken ones as well: who asks for one is told why. */
  for (guint i = 0; i < plugins->len; i++)
    g_strv_builder_add (builder, ((const VfPlugin *)plugins->pdata[i])->path);
  g_auto (GStrv) files = g_strv_builder_end (builder);
  g_autofree char *joined = g_strjoinv (":", files);
  g_setenv ("VMFORGE_PLUGIN_PATH", joined, TRUE);
}

gboolean
vf_cli_load_plugins (const VfCli *cli, GError **error)
{
  for (char **path = cli->plugins; path != NULL && *path != NULL; path++)
    if (vf_plugin_load (*path, error) == NULL)
      return FALSE;
  return TRUE;
}

VmforgeStore *
vf_cli_open_store_plain (const VfCli *cli, GError **error)
{
  return vf_cli_load_plugins (cli, error) ? vf_store_open_plain (cli->store, error) : NULL;
}

VmforgeStore *
vf_cli_open_store (const VfCli *cli, GError **error)
{
  if (!vf_cli_load_plugins (cli, error))
    return NULL;
  tell_workers ();
  VmforgeStore *store = vmforge_store_open (cli->store, cli->storage, error);
  if (store == NULL)
    return NULL;
  store->host.cancellable = cli->cancellable;
  if (cli->transport != NULL) {
    g_free (store->config->transport);
    store->config->transport = g_strdup (cli->transport);
  }
  return store;
}

VmforgeStore *
vf_cli_open_existing_store (const VfCli *cli, GError **error)
{
  g_autoptr (VmforgeStore) plain = vf_cli_open_store_plain (cli, error);
  return plain == NULL ? NULL : vf_cli_open_store (cli, error);
}

VfImage *
vf_cli_take_image (VfCli *cli, const char *word, VmforgeStore **store, GError **error)
{
  vf_cli_catch_signals (cli, TRUE);
  *store = vf_cli_open_existing_store (cli, error);
  return *store == NULL ? NULL : vf_store_find_image (*store, word, error);
}

gboolean
vf_cli_change_each (VfCli *cli, char **words, const char *what,
                    gboolean (*func) (VmforgeStore *store, const char *word, GError **error),
                    void (*end) (VmforgeStore *store), GError **error)
{
  if (!vf_cli_need_store (cli, what, error))
    return FALSE;
  vf_cli_catch_signals (cli, TRUE);
  g_autoptr (VmforgeStore) store = vf_cli_open_existing_store (cli, error);
  if (store == NULL)
    return FALSE;
  gboolean done = TRUE;
  for (char **word = words; done && *word != NULL; word++)
    done = !vf_error_set_if_cancelled (cli->cancellable, error) && func (store, *word, error);
  if (end != NULL)
    end (store);
  return done;
}

static gboolean
is_plain_word (const char *word)
{
  return *word != '\0' && word[strspn (word, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "/._-+=:,@%")] == '\0';
}

static void
append_quoted (GString *words, const char *word)
{
  g_autofree char *quoted = is_plain_word (word) ? g_strdup (word) : g_shell_quote (word);
  g_string_append (words, quoted);
}

static void
append_option (GString *words, const char *name, const char *value)
{
  if (value == NULL)
    return;
  g_string_append_printf (words, " %s ", name);
  append_quoted (words, value);
}

char *
vf_cli_words (const VfCli *cli, const char *command)
{
  GString *words = g_string_new (NULL);
  append_quoted (words, cli->program);
  g_string_append_printf (words, " %s", command);
  append_option (words, "--store", cli->store);
  append_option (words, "--storage", cli->storage);
  return g_string_free (words, FALSE);
}

gboolean
vf_cli_use_color (const VfCli *cli, FILE *file)
{
  if (g_strcmp0 (cli->color, "always") == 0)
    return TRUE;
  if (g_strcmp0 (cli->color, "never") == 0)
    return FALSE;
  const char *no_color = g_getenv ("NO_COLOR");
  return (no_color == NULL || *no_color == '\0') && isatty (fileno (file)) &&
         g_strcmp0 (g_getenv ("TERM"), "dumb") != 0;
}

char *
vf_cli_format_time (gint64 seconds)
{
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_local (seconds);
  return time == NULL ? g_strdup ("-") : g_date_time_format (time, "%Y-%m-%d %H:%M");
}

gboolean
vf_cli_usage_error (GError **error, const char *command, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *message = g_strdup_vprintf (format, args);
  va_end (args);
  return vf_error_set (error, VMFORGE_ERROR_SPEC, "%s: see '%s --help'", message, command);
}

gboolean
vf_cli_parse_refresh (const char *text, const char *command, int *seconds, GError **error)
{
  guint64 age;
  if (text == NULL)
    return TRUE;
  if (!vf_units_parse_duration (text, &age) || age > G_MAXINT)
    return vf_cli_usage_error (error, command, "--refresh takes an age such as 30min, 1h or 2d, not '%s'",
                               text);
  *seconds = age == 0 ? -1 : (int)age;
  return TRUE;
}

gboolean
vf_cli_check_format (const char *format, const char *command, GError **error)
{
  const char *const *formats = vf_image_formats ();
  if (format == NULL || g_strv_contains (formats, format))
    return TRUE;
  g_autofree char *known = g_strjoinv (", ", (char **)formats);
  g_autofree char *hint = vf_suggest_hint (format, formats);
  return vf_cli_usage_error (error, command, "unknown format '%s'%s, known are %s", format, hint, known);
}

void
vf_cli_print_json (VfJson *json)
{
  puts (json_object_to_json_string_ext (json, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
                                                  JSON_C_TO_STRING_NOSLASHESCAPE));
  json_object_put (json);
}

void
vf_cli_print_list (const VfCli *cli, const VfTable *table, VfJson *list)
{
  if (cli->json) {
    vf_cli_print_json (list);
    return;
  }
  vf_table_print (table, stdout, FALSE);
  json_object_put (list);
}

void
vf_cli_print_json_line (VfJson *json)
{
  puts (json_object_to_json_string_ext (json, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
  fflush (stdout);
  json_object_put (json);
}

void
vf_cli_print_fact (const char *name, const char *value)
{
  printf ("%s=%s\n", name, value == NULL ? "" : value);
}

VfJson *
vf_cli_json_text (const char *text)
{
  return text == NULL ? NULL : json_object_new_string (text);
}

VfJson *
vf_cli_json_decimal (double number)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];
  g_ascii_formatd (text, sizeof text, "%.3f", number);
  return json_object_new_double_s (number, text);
}

VfJson *
vf_cli_json_seconds (double seconds)
{
  return vf_cli_json_decimal (seconds);
}
