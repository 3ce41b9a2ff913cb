/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "image/clone.h"
#include "image/inside.h"
#include "image/terminal.h"

#include "build/rootfs.h"
#include "build/sandbox.h"
#include "support/error.h"
#include "support/process.h"

/* Like the sandbox of the build, but on this terminal: no session of its own, so that job control works, and
 * no filter of fsync. */
static VfProcess *
make_shell (const char *path, gboolean has_bash)
{
  const char *term = g_getenv ("TERM");
  const char *const rest[] = {"--setenv", "TERM", term == NULL ? "dumb" : term,      "--chdir",
                              "/",        "--",   has_bash ? "/bin/bash" : "/bin/sh"};
  VfProcess *process = vf_process_new_args ("bwrap", NULL);
  vf_sandbox_add_common (process, path, "vmforge", FALSE);
  for (guint i = 0; i < G_N_ELEMENTS (rest); i++)
    vf_process_add_argument (process, rest[i]);
  return process;
}

/* What the shell's last command said is no failure of ours. */
static gboolean
run_shell (const char *path, gpointer cancellable, GError **error)
{
  g_autoptr (VfRootfs) root = vf_rootfs_open (path, -1, error);
  if (root == NULL)
    return FALSE;
  gboolean has_bash = vf_rootfs_exists (root, "/bin/bash");
  if (!has_bash && !vf_rootfs_exists (root, "/bin/sh"))
    return vf_error_set (error, VMFORGE_ERROR_FAILED,
                         "there is no shell in the volume yet: nothing was installed");
  g_autoptr (VfProcess) process = make_shell (path, has_bash);
  vf_process_set_interactive (process);
  int status;
  VfTerminal terminal;
  vf_terminal_save (&terminal);
  gboolean done = vf_process_run (process, &status, cancellable, error);
  vf_terminal_restore (&terminal);
  return done;
}

static gboolean
enter_kept (VmforgeStore *store, const VfKept *kept, GCancellable *cancellable, GError **error)
{
  g_autofree char *path = NULL;
  if (!vf_kept_check_storage (store, kept, error))
    return FALSE;
  g_autoptr (VfLock) lock = vf_store_lock_kept (store, kept, error);
  if (lock == NULL || !vf_storage_map (store->storage, kept->volume, FALSE, &path, error))
    return FALSE;
  gboolean done = vf_inside_run (path, run_shell, cancellable, error);
  store->host.cancellable = NULL;
  return vf_storage_unmap (store->storage, kept->volume, done ? error : NULL) && done;
}

static gboolean
enter_image (VmforgeStore *store, const char *word, GCancellable *cancellable, GError **error)
{
  g_autoptr (VfImage) image = vf_store_find_image (store, word, error);
  VfClone *clone = image == NULL ? NULL : vf_clone_new (store, image, 0, error);
  if (clone == NULL)
    return FALSE;
  gboolean done = vf_inside_run (clone->path, run_shell, cancellable, error);
  return vf_clone_close (clone, done ? error : NULL) && done;
}

gboolean
vf_image_shell (VmforgeStore *store, const char *word, GCancellable *cancellable, GError **error)
{
  g_autoptr (VfKept) kept = vf_store_find_kept (store, word, NULL);
  return kept != NULL ? enter_kept (store, kept, cancellable, error)
                      : enter_image (store, word, cancellable, error);
}
