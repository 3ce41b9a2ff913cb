/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "build/owners.h"
#include "build/work.h"
#include "support/error.h"

#include <string.h>

#define LOCKED "!locked"

static gboolean
check_groups (VfWork *work, const char *name, char **groups, GError **error)
{
  for (guint i = 0; groups[i]; i++)
    if (!vf_owner_has_group (work->root, groups[i], NULL))
      return vf_error_set (
          error, VMFORGE_ERROR_SPEC,
          "user '%s': the image has no group '%s' (make it with a `run` step of a stage below, or "
          "install what brings it)",
          name, groups[i]);
  return TRUE;
}

static void
add_option (GPtrArray *argv, const char *option, const char *value)
{
  if (!value)
    return;
  g_ptr_array_add (argv, g_strdup (option));
  g_ptr_array_add (argv, g_strdup (value));
}

static GPtrArray *
new_argv (const char *program)
{
  GPtrArray *argv = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (argv, g_strdup (program));
  return argv;
}

/* What useradd and usermod share. */
static void
add_common (GPtrArray *argv, VfJson *user, char **groups)
{
  g_autofree char *group_list = groups[0] ? g_strjoinv (",", groups) : NULL;
  gint64 uid = vf_json_int (user, "uid", -1);
  g_autofree char *uid_text = uid >= 0 ? g_strdup_printf ("%" G_GINT64_FORMAT, uid) : NULL;
  add_option (argv, "--groups", group_list);
  add_option (argv, "--shell", vf_json_string (user, "shell", NULL));
  add_option (argv, "--comment", vf_json_string (user, "gecos", NULL));
  add_option (argv, "--uid", uid_text);
}

static gboolean
finish_call (VfWork *work, GPtrArray *argv, const char *name, GError **error)
{
  g_ptr_array_add (argv, g_strdup (name));
  g_ptr_array_add (argv, NULL);
  if (vf_sandbox_call (&work->sandbox, (const char *const *)argv->pdata, NULL, error))
    return TRUE;
  g_prefix_error (error, "user '%s': ", name);
  return FALSE;
}

static gboolean
create (VfWork *work, VfJson *user, const char *name, char **groups, GError **error)
{
  g_autoptr (GPtrArray) argv = new_argv ("useradd");
  gboolean system = vf_json_bool (user, "system", FALSE);
  g_ptr_array_add (argv, g_strdup (system ? "--system" : "--create-home"));
  /* Groups of the same name exist now and then (e.g. after a package was installed). */
  if (vf_owner_has_group (work->root, name, NULL))
    add_option (argv, "--gid", name);
  else
    g_ptr_array_add (argv, g_strdup ("--user-group"));
  add_option (argv, "--home-dir", vf_json_string (user, "home", NULL));
  /* Without a shell given, useradd takes /bin/sh. */
  if (!vf_json_string (user, "shell", NULL) && !system && vf_rootfs_exists (work->root, "/bin/bash"))
    add_option (argv, "--shell", "/bin/bash");
  add_common (argv, user, groups);
  return finish_call (work, argv, name, error);
}

static gboolean
modify (VfWork *work, VfJson *user, const char *name, char **groups, GError **error)
{
  g_autoptr (GPtrArray) argv = new_argv ("usermod");
  const char *home = vf_json_string (user, "home", NULL);
  if (groups[0])
    g_ptr_array_add (argv, g_strdup ("--append"));
  if (home)
    g_ptr_array_add (argv, g_strdup ("--move-home"));
  add_option (argv, "--home", home);
  add_common (argv, user, groups);
  return argv->len == 1 || finish_call (work, argv, name, error);
}

/* The hash goes through standard input: a command line can be read by every user of the host. */
static gboolean
set_password (VfWork *work, const char *name, const char *password, GError **error)
{
  static const char *const argv[] = {"chpasswd", "--encrypted", NULL};
  /* No password matches "*"; other than "!" it leaves the account open for keys, whatever sshd uses. */
  g_autofree char *line =
      g_strdup_printf ("%s:%s\n", name, !password || strcmp (password, LOCKED) == 0 ? "*" : password);
  if (vf_sandbox_call (&work->sandbox, argv, line, error))
    return TRUE;
  g_prefix_error (error, "password of user '%s': ", name);
  return FALSE;
}

/* Keys are added to those of an earlier stage. */
static char *
merge_keys (const char *present, char **keys)
{
  GString *text = g_string_new (present);
  if (text->len > 0 && text->str[text->len - 1] != '\n')
    g_string_append_c (text, '\n');
  g_auto (GStrv) lines = g_strsplit (text->str, "\n", -1);
  for (guint i = 0; keys[i]; i++)
    if (!g_strv_contains ((const char *const *)lines, keys[i]))
      g_string_append_printf (text, "%s\n", keys[i]);
  return g_string_free (text, FALSE);
}

static gboolean
write_keys (VfWork *work, const char *name, char **keys, GError **error)
{
  g_autoptr (VfOwner) owner = vf_owner_find (work->root, name, error);
  if (!owner) {
    if (!error || !*error)
      vf_error_set (error, VMFORGE_ERROR_FAILED, "the user '%s' is not there", name);
    return FALSE;
  }
  g_autofree char *folder = g_build_filename ("/", owner->home, ".ssh", NULL);
  g_autofree char *path = g_build_filename (folder, "authorized_keys", NULL);
  g_autofree char *present = vf_rootfs_read_if_any (work->root, path, "", error);
  if (!present)
    return FALSE;
  g_autofree char *text = merge_keys (present, keys);
  const VfAccess home = {0700, owner->uid, owner->gid}, file = {0600, owner->uid, owner->gid};
  return (vf_rootfs_exists (work->root, owner->home) ||
          vf_rootfs_mkdir (work->root, owner->home, &home, error)) &&
         vf_rootfs_mkdir (work->root, folder, &home, error) &&
         vf_rootfs_write (work->root, path, text, strlen (text), &file, error);
}

static gboolean
make_user (VfWork *work, VfJson *user, GError **error)
{
  const char *name = vf_json_string (user, "name", "");
  const char *password = vf_json_string (user, "password", NULL);
  g_auto (GStrv) groups = vf_json_strv (user, "groups"), keys = vf_json_strv (user, "ssh_keys");
  g_autoptr (GError) local = NULL;
  g_autoptr (VfOwner) present = vf_owner_find (work->root, name, &local);
  if (local) {
    g_propagate_error (error, g_steal_pointer (&local));
    return FALSE;
  }
  return check_groups (work, name, groups, error) &&
         (present ? modify (work, user, name, groups, error) : create (work, user, name, groups, error)) &&
         ((present && !password) || set_password (work, name, password, error)) &&
         (!keys[0] || write_keys (work, name, keys, error));
}

gboolean
vf_work_users (VfWork *work, GError **error)
{
  VfJson *users = vf_json_array (work->job, "users");
  const gsize count = json_object_array_length (users);
  for (gsize i = 0; i < count; i++) {
    vf_progress_set (&work->progress, (double)i / count, NULL);
    if (!make_user (work, json_object_array_get_idx (users, i), error))
      return FALSE;
  }
  return TRUE;
}
