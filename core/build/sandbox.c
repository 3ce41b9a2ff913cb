/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* bubblewrap was measured against doing the same with clone, mount and pivot_root by hand: it costs 5 to 6 ms
 * a call, and a bootstrap makes a few dozen calls. Its code has been read by more people than ours would be.
 */

#include "build/sandbox.h"

#include "build/place.h"
#include "build/rootfs.h"
#include "build/syncfilter.h"
#include "support/error.h"
#include "support/fd.h"
#include "support/process.h"

#include <fcntl.h>
#include <string.h>

#define SYSTEM_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define EXEC_FAILED "bwrap: execvp "
#define RESOLVER    "/etc/resolv.conf"
#define POLICY      "/usr/sbin/policy-rc.d"

/* In a memory filesystem from which programs may be run; the worker's own forbids that. */
#define POLICY_SOURCE "/run/vmforge/policy-rc.d"

/* What unpacking packages and their scripts need, and nothing that reaches out of the root filesystem: no
 * mount, no mknod, no module, no raw input or output, no network configuration. */
static const struct {
  const char *name, *reason;
} capabilities[] = {
    {"CAP_CHOWN", "unpacked files get their owners"},
    {"CAP_DAC_OVERRIDE", "root writes into folders of other users"},
    {"CAP_FOWNER", "modes and times of files of other users"},
    {"CAP_FSETID", "set-group-id bits survive a change of mode"},
    {"CAP_KILL", "maintainer scripts stop their own helpers of other users"},
    {"CAP_SETGID", "su, runuser and services' own set-up programs"},
    {"CAP_SETUID", "the same"},
    {"CAP_SETFCAP", "file capabilities in packages (ping)"},
    {"CAP_NET_BIND_SERVICE", "programs that test their configuration by binding"},
    {"CAP_SYS_CHROOT", "maintainer scripts that chroot; the root is all they see anyway"},
    {"CAP_AUDIT_WRITE", "useradd and passwd write an audit record where the kernel audits"},
};

const char *const *
vf_sandbox_capabilities (void)
{
  static const char *names[G_N_ELEMENTS (capabilities) + 1];
  for (guint i = 0; i < G_N_ELEMENTS (capabilities); i++)
    names[i] = capabilities[i].name;
  return names;
}

/* One run: where its lines go, and what was seen in them. */
typedef struct {
  const VfSandbox *sandbox;
  const struct vmforge_program *program;
  gboolean absent; /* bwrap found no such program */
} Run;

static gboolean
on_line (int stream, const char *line, gpointer user_data, GError **error)
{
  Run *run = user_data;
  const struct vmforge_program *program = run->program;
  if (stream == 2 && g_str_has_prefix (line, EXEC_FAILED))
    run->absent = TRUE;
  if (!program->line) {
    if (run->sandbox->log)
      run->sandbox->log (line, run->sandbox->user_data);
    return TRUE;
  }
  return program->line (program->user, stream, line) == 0 ||
         vf_error_set (error, VMFORGE_ERROR_FAILED, "'%s' was stopped: its output was refused",
                       program->argv[0]);
}

static void
add (VfProcess *process, const char *first, ...)
{
  va_list words;
  va_start (words, first);
  for (const char *word = first; word; word = va_arg (words, const char *))
    vf_process_add_argument (process, word);
  va_end (words);
}

void
vf_sandbox_add_common (VfProcess *process, const char *root_path, const char *hostname, gboolean network)
{
  add (process, "--die-with-parent", "--unshare-pid", "--unshare-ipc", "--unshare-uts",
       "--unshare-cgroup-try", "--hostname", hostname, NULL);
  if (!network)
    add (process, "--unshare-net", NULL);
  /* --bind is recursive: the memory filesystems on /run and /tmp come along. */
  add (process, "--bind", root_path, "/", "--dev", "/dev", "--proc", "/proc", "--cap-drop", "ALL", NULL);
  for (guint i = 0; i < G_N_ELEMENTS (capabilities); i++)
    add (process, "--cap-add", capabilities[i].name, NULL);
  add (process, "--clearenv", "--setenv", "PATH", SYSTEM_PATH, "--setenv", "HOME", "/root", "--setenv",
       "LC_ALL", "C.UTF-8", "--setenv", "SYSTEMD_OFFLINE", "1", NULL);
}

static void
add_environment (VfProcess *process, const VfSandbox *sandbox, const struct vmforge_program *program,
                 gboolean network)
{
  static const char *const proxies[] = {"http_proxy", "https_proxy", "ftp_proxy", "no_proxy"};
  g_autofree char *epoch = g_strdup_printf ("%" G_GINT64_FORMAT, sandbox->epoch);
  add (process, "--setenv", "TERM", "dumb", "--setenv", "TZ", "UTC", "--setenv", "SOURCE_DATE_EPOCH", epoch,
       NULL);
  for (guint i = 0; network && i < G_N_ELEMENTS (proxies); i++)
    if (g_getenv (proxies[i]))
      add (process, "--setenv", proxies[i], g_getenv (proxies[i]), NULL);
  for (const char *const *assignment = program->env; assignment && *assignment; assignment++) {
    g_auto (GStrv) parts = g_strsplit (*assignment, "=", 2);
    if (parts[0] && parts[1])
      add (process, "--setenv", parts[0], parts[1], NULL);
  }
}

/* bwrap makes the place of a bind where it is absent. That would ship, but in memory: on /run, /tmp and /dev.
 */
static gboolean
add_bind (VfProcess *process, const VfRootfs *root, const char *source, const char *target, GError **error)
{
  /* The sandbox has a /dev of its own: nothing there is the root filesystem's. */
  if (g_str_has_prefix (target, "/dev/")) {
    add (process, "--ro-bind", source, target, NULL);
    return TRUE;
  }
  g_autofree char *resolved = vf_rootfs_resolve (root, target, TRUE, error);
  if (!resolved)
    return FALSE;
  if (!g_str_has_prefix (resolved, "run/") && !g_str_has_prefix (resolved, "tmp/") &&
      !g_str_has_prefix (resolved, "dev/") && !vf_rootfs_exists (root, target))
    return vf_error_set (error, VMFORGE_ERROR_FAILED,
                         "there is no place for '%s' at '%s': bind it below /run", source, target);
  g_autofree char *place = g_strconcat ("/", resolved, NULL);
  add (process, "--ro-bind", source, place, NULL);
  return TRUE;
}

/* What is bound over files of the image for one run, and the places that were made for it. */
typedef struct {
  VfPlace resolver, policy;
} Places;

/* The host's name servers, over whatever the image's /etc/resolv.conf is. */
static gboolean
add_resolver (VfProcess *process, const VfRootfs *root, VfPlace *place, GError **error)
{
  g_autofree char *target = NULL;
  if (!g_file_test (RESOLVER, G_FILE_TEST_EXISTS))
    return TRUE;
  return vf_place_make (place, root, RESOLVER, &target, error) &&
         add_bind (process, root, RESOLVER, target, error);
}

/* invoke-rc.d and deb-systemd-invoke ask it whether they may start a service: not while an image is built, be
 * it by a package or by the user's own steps. */
static gboolean
add_policy (VfProcess *process, const VfRootfs *root, VfPlace *place, GError **error)
{
  static const char text[] = "#!/bin/sh\nexit 101\n";
  const VfAccess access = {0755, 0, 0};
  g_autofree char *target = NULL, *source = g_strconcat (root->path, POLICY_SOURCE, NULL);
  if (!vf_rootfs_exists (root, "/usr/sbin")) /* nothing is installed yet */
    return TRUE;
  return vf_rootfs_write (root, POLICY_SOURCE, text, strlen (text), &access, error) &&
         vf_place_make (place, root, POLICY, &target, error) &&
         add_bind (process, root, source, target, error);
}

static gboolean
add_places (VfProcess *process, const VfRootfs *root, gboolean network, Places *places, GError **error)
{
  return add_policy (process, root, &places->policy, error) &&
         (!network || add_resolver (process, root, &places->resolver, error));
}

static void
places_clear (Places *places, const VfRootfs *root)
{
  vf_place_remove (&places->resolver, root);
  vf_place_remove (&places->policy, root);
}

static gboolean
run_process (Run *run, VfProcess *process, int *status, GError **error)
{
  const struct vmforge_program *program = run->program;
  vf_autofd int filter = vf_sync_filter_open (error);
  if (filter < 0)
    return FALSE;
  const int filter_fd = program->status_fd == 10 ? 11 : 10;
  g_autofree char *number = g_strdup_printf ("%d", filter_fd);
  vf_process_pass_fd (process, filter, filter_fd);
  add (process, "--seccomp", number, "--chdir", program->cwd ? program->cwd : "/", "--", NULL);
  for (const char *const *word = program->argv; *word; word++)
    vf_process_add_argument (process, *word);
  if (program->input)
    vf_process_set_input (process, program->input);
  if (program->status_fd > 0)
    vf_process_set_status_fd (process, program->status_fd);
  vf_process_set_line_func (process, on_line, run);
  if (!vf_process_run (process, status, run->sandbox->cancellable, error))
    return FALSE;
  return !(run->absent && *status == 1) ||
         vf_error_set (error, VMFORGE_ERROR_FAILED, "there is no program '%s' in the root filesystem",
                       program->argv[0]);
}

gboolean
vf_sandbox_run (const VfSandbox *sandbox, const struct vmforge_program *program,
                const struct vmforge_sandbox *options, gboolean network, int *status, GError **error)
{
  g_autoptr (VfRootfs) root = vf_rootfs_open (sandbox->root_path, sandbox->epoch, error);
  if (!root)
    return FALSE;
  g_autoptr (VfProcess) process = vf_process_new_args ("bwrap", "--new-session", NULL);
  Places places = {0};
  vf_sandbox_add_common (process, sandbox->root_path, "localhost", network);
  add_environment (process, sandbox, program, network);
  for (const char *const *bind = options ? options->binds : NULL; bind && bind[0] && bind[1]; bind += 2)
    if (!add_bind (process, root, bind[0], bind[1], error))
      return FALSE;
  Run run = {sandbox, program, FALSE};
  gboolean ok =
      add_places (process, root, network, &places, error) && run_process (&run, process, status, error);
  places_clear (&places, root);
  return ok;
}

gboolean
vf_sandbox_run_in_root (const struct vmforge_program *program, const struct vmforge_sandbox *options,
                        int *status, gpointer root_data, GError **error)
{
  return vf_sandbox_run (root_data, program, options, FALSE, status, error);
}

/* What one of our own calls writes. */
typedef struct {
  const VfSandbox *sandbox;
  GString *output; /* NULL: to the log */
  char *last;      /* line of either stream */
} Capture;

#define CAPTURE_LIMIT (4 * 1024 * 1024)

static int
on_capture_line (void *user, int stream, const char *line)
{
  Capture *capture = user;
  if (stream == 1 && capture->output) {
    g_string_append_printf (capture->output, "%s\n", line);
    return capture->output->len > CAPTURE_LIMIT;
  }
  if (*line) {
    g_free (capture->last);
    capture->last = g_strdup (line);
  }
  if (capture->sandbox->log)
    capture->sandbox->log (line, capture->sandbox->user_data);
  return 0;
}

static gboolean
call (Capture *capture, const char *const *argv, const char *input, GError **error)
{
  struct vmforge_program program = {
      .size = sizeof program, .argv = argv, .input = input, .line = on_capture_line, .user = capture};
  int status;
  gboolean ok = vf_sandbox_run (capture->sandbox, &program, NULL, FALSE, &status, error);
  if (ok && status != 0)
    ok = vf_error_set (error, VMFORGE_ERROR_FAILED, "'%s' exited with status %d%s%s", argv[0], status,
                       capture->last ? ": " : "", capture->last ? capture->last : "");
  g_clear_pointer (&capture->last, g_free);
  return ok;
}

gboolean
vf_sandbox_call (const VfSandbox *sandbox, const char *const *argv, const char *input, GError **error)
{
  Capture capture = {sandbox, NULL, NULL};
  return call (&capture, argv, input, error);
}

char *
vf_sandbox_capture (const VfSandbox *sandbox, const char *const *argv, GError **error)
{
  g_autoptr (GString) output = g_string_new (NULL);
  Capture capture = {sandbox, output, NULL};
  return call (&capture, argv, NULL, error) ? g_string_free (g_steal_pointer (&output), FALSE) : NULL;
}
