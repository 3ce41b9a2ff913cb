/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "plugin/call.h"

#include "plugin/runner.h"
#include "support/error.h"

#include <math.h>
#include <string.h>

#define ERROR_LIMIT 2000
#define LOG_LIMIT   4000
#define WHAT_LIMIT  200

char *
vf_call_clean_line (const char *text, gsize limit)
{
  g_autofree char *valid = g_utf8_make_valid (text, (gssize)strnlen (text, limit * 2));
  GString *line = g_string_new (NULL);
  for (const char *c = valid; *c; c = g_utf8_next_char (c)) {
    gunichar u = g_utf8_get_char (c);
    gboolean space = g_unichar_isspace (u) || u == 0x2028 || u == 0x2029;
    if (line->len + 6 > limit)
      break;
    if (space)
      g_string_append_c (line, ' ');
    else if (!g_unichar_iscntrl (u))
      g_string_append_unichar (line, u);
  }
  return g_strchomp (g_string_free (line, FALSE));
}

/* Transports have several threads, any of which may fail, log or tell. */
static GMutex one_at_a_time;

static VmforgeError
code_from_plugin (enum vmforge_plugin_error code)
{
  switch (code) {
  case VMFORGE_PLUGIN_INVALID:
    return VMFORGE_ERROR_SPEC;
  case VMFORGE_PLUGIN_ENVIRONMENT:
    return VMFORGE_ERROR_ENVIRONMENT;
  case VMFORGE_PLUGIN_CANCELLED:
    return VMFORGE_ERROR_CANCELLED;
  case VMFORGE_PLUGIN_NO_SPACE:
    return VMFORGE_ERROR_NO_SPACE;
  case VMFORGE_PLUGIN_FAILED:
    break;
  }
  return VMFORGE_ERROR_FAILED;
}

static void
host_error (struct vmforge_call *public_call, enum vmforge_plugin_error code, const char *format, ...)
{
  VfCall *call = (VfCall *)public_call;
  va_list args;
  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  g_autofree char *line = vf_call_clean_line (text, ERROR_LIMIT);
  /* The first one is nearest to the cause. */
  g_mutex_lock (&one_at_a_time);
  gboolean first = !call->said;
  if (first)
    call->said = g_error_new (VMFORGE_ERROR, code_from_plugin (code), "%s: %s", call->plugin,
                              *line ? line : "it failed with an empty message");
  g_mutex_unlock (&one_at_a_time);
  if (first)
    return;
  g_autofree char *more = g_strdup_printf ("further error: %s", line);
  vf_call_log (call, VMFORGE_LOG_DEBUG, more);
}

void
vf_call_log (VfCall *call, enum vmforge_log_level level, const char *text)
{
  if (!call->host->log)
    return;
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&one_at_a_time);
  for (const char *start = text;;) {
    const char *end = strchr (start, '\n');
    g_autofree char *piece = end ? g_strndup (start, (gsize)(end - start)) : g_strdup (start);
    g_autofree char *line = vf_call_clean_line (piece, LOG_LIMIT);
    if (*line)
      call->host->log (level, line, call->host->user_data);
    if (!end)
      break;
    start = end + 1;
  }
}

static void
host_log (struct vmforge_call *call, enum vmforge_log_level level, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  vf_call_log ((VfCall *)call, level, text);
}

static void
host_progress (struct vmforge_call *public_call, double fraction, const char *what)
{
  VfCall *call = (VfCall *)public_call;
  if (!call->host->progress)
    return;
  g_autofree char *line = what ? vf_call_clean_line (what, WHAT_LIMIT) : NULL;
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&one_at_a_time);
  call->host->progress (isnan (fraction) || fraction < 0 ? -1.0 : MIN (fraction, 1.0), line,
                        call->host->user_data);
}

static int
host_cancelled (struct vmforge_call *call)
{
  return g_cancellable_is_cancelled (((VfCall *)call)->cancellable) ? 1 : 0;
}

#define HOST_TABLE(...)                                                                                      \
  {                                                                                                          \
    .size = sizeof (struct vmforge_host), .abi = VMFORGE_PLUGIN_ABI, .error = host_error, .log = host_log,   \
    .progress = host_progress, .cancelled = host_cancelled, .run = vf_call_run,                              \
    .run_in_root = vf_call_run_in_root, .cache_find = vf_call_cache_find, .cache_add = vf_call_cache_add,    \
    .emit_package = vf_call_emit_package, .emit_volume = vf_call_emit_volume,                                \
    .emit_extent = vf_call_emit_extent, .emit_artefact = vf_call_emit_artefact, __VA_ARGS__                  \
  }
static const struct vmforge_host host_table = HOST_TABLE (.exchange = NULL);
static const struct vmforge_host exchange_table = HOST_TABLE (.exchange = &vf_call_exchange);

static void
trace (const VfHost *host, const char *callback, gboolean begins)
{
  if (host && host->trace)
    host->trace (callback, begins, host->trace_data);
}

void
vf_call_begin (VfCall *call, const VfHost *host, const char *plugin, const char *callback, VfCallFlags flags)
{
  static const VfHost nobody = {0};
  memset (call, 0, sizeof *call);
  call->pub.host = flags & VF_CALL_EXCHANGES ? &exchange_table : &host_table;
  call->host = host ? host : &nobody;
  call->cancellable = flags & VF_CALL_CLEANS_UP ? NULL : call->host->cancellable;
  call->plugin = plugin;
  call->callback = callback;
  call->flags = flags;
  trace (call->host, callback, TRUE);
}

void
vf_call_close (const VfHost *host, void (*close) (void *handle), void *handle)
{
  trace (host, "close", TRUE);
  close (handle);
  trace (host, "close", FALSE);
}

static void
end_silently (VfCall *call)
{
  g_clear_error (&call->said);
  g_clear_error (&call->pending);
  g_clear_pointer (&call->kept, g_ptr_array_unref);
}

gboolean
vf_call_end (VfCall *call, int returned, GError **error)
{
  gboolean failed = returned != 0 || call->said;
  trace (call->host, call->callback, FALSE);
  if (!failed) {
    if (call->pending)
      vf_call_log (call, VMFORGE_LOG_DEBUG, call->pending->message);
  } else if (vf_error_set_if_cancelled (call->cancellable, error)) {
    /* Whatever it says besides is a consequence. */
  } else if (call->said) {
    g_propagate_error (error, g_steal_pointer (&call->said));
  } else if (call->pending) {
    g_propagate_error (error, g_steal_pointer (&call->pending));
  } else {
    vf_error_set (error, VMFORGE_ERROR_FAILED, "plugin '%s' failed in %s without saying why", call->plugin,
                  call->callback);
  }
  end_silently (call);
  return !failed;
}

void
vf_call_clear (VfCall *call)
{
  end_silently (call);
  g_clear_pointer (&call->results, g_ptr_array_unref);
  g_clear_pointer (&call->extents, g_array_unref);
}

gboolean
vf_call_misbehaved (const char *plugin, const char *callback, GError **error, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  g_autofree char *line = vf_call_clean_line (text, ERROR_LIMIT);
  return vf_error_set (error, VMFORGE_ERROR_FAILED, "plugin '%s' broke the rules in %s: %s", plugin, callback,
                       line);
}

int
vf_call_pend (VfCall *call, GError *error)
{
  g_prefix_error (&error, "%s: ", call->plugin);
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&one_at_a_time);
  /* Of several threads the first one failed; what the others say is a consequence. */
  if (call->pending && call->flags & VF_CALL_EXCHANGES) {
    g_error_free (error);
    return -1;
  }
  g_clear_error (&call->pending);
  call->pending = error;
  return -1;
}

int
vf_call_refuse (VfCall *call, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&one_at_a_time);
  if (!call->said)
    vf_call_misbehaved (call->plugin, call->callback, &call->said, "%s", text);
  return -1;
}

const char *
vf_call_reason (VfCall *call)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&one_at_a_time);
  const GError *failure = call->said ? call->said : call->pending;
  const char *text = failure ? failure->message : "it failed without saying why";
  if (g_cancellable_is_cancelled (call->cancellable))
    text = "it was stopped";
  if (g_str_has_prefix (text, call->plugin) && g_str_has_prefix (text + strlen (call->plugin), ": "))
    text += strlen (call->plugin) + 2;
  if (!call->kept)
    call->kept = g_ptr_array_new_with_free_func (g_free);
  char *copy = vf_call_clean_line (text, ERROR_LIMIT);
  g_ptr_array_add (call->kept, copy);
  call->told = TRUE;
  return copy;
}
