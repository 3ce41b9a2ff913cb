/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* When boot files are made anew. */
#include "build/engine.h"

#include "support/fs.h"

#include <fcntl.h>
#include <glib/gstdio.h>

typedef struct {
  VmforgeSpec spec;
  VfPlanStage stage; /* Image, without any reason */
  VfSpecFile file;
  VfPackage package;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  for (guint i = 0; i < VMFORGE_N_STAGES; i++)
    fixture->spec.stages[i].files = g_ptr_array_new ();
  fixture->stage =
      (VfPlanStage){.kind = VMFORGE_STAGE_IMAGE, .spec = &fixture->spec, .packages = g_ptr_array_new ()};
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  for (guint i = 0; i < VMFORGE_N_STAGES; i++)
    g_ptr_array_unref (fixture->spec.stages[i].files);
  g_ptr_array_unref (fixture->stage.packages);
}

static gboolean
needs_for (Fixture *fixture, const char *from, const char *to)
{
  fixture->file = (VfSpecFile){.from = (char *)from, .content = from ? NULL : (char *)"x", .to = (char *)to};
  g_ptr_array_set_size (fixture->spec.stages[VMFORGE_STAGE_IMAGE].files, 0);
  g_ptr_array_add (fixture->spec.stages[VMFORGE_STAGE_IMAGE].files, &fixture->file);
  return vf_engine_needs_boot (&fixture->stage);
}

static void
core_and_packages_need_it_and_nothing_does_not (Fixture *fixture, gconstpointer data)
{
  g_assert_false (vf_engine_needs_boot (&fixture->stage));
  g_ptr_array_add (fixture->stage.packages, &fixture->package);
  g_assert_true (vf_engine_needs_boot (&fixture->stage));
  g_ptr_array_set_size (fixture->stage.packages, 0);
  fixture->stage.kind = VMFORGE_STAGE_CORE;
  g_assert_true (vf_engine_needs_boot (&fixture->stage));
}

static void
kernel_arguments_are_the_appliances (Fixture *fixture, gconstpointer data)
{
  char *arguments[] = {(char *)"quiet", NULL};
  fixture->spec.kernel_arguments = arguments;
  g_assert_false (vf_engine_needs_boot (&fixture->stage));
  fixture->stage.kind = VMFORGE_STAGE_APPLIANCE;
  g_assert_true (vf_engine_needs_boot (&fixture->stage));
}

static void
files_that_boot_files_are_made_of_need_it (Fixture *fixture, gconstpointer data)
{
  static const char *const yes[] = {
      "/etc/default/grub",        "/etc/default/grub.d/50-x.cfg", "/etc/kernel/cmdline",
      "/etc/kernel/cmdline.d/x",  "/etc/initramfs-tools/modules", "/etc/dracut.conf.d/x.conf",
      "/etc/modprobe.d/off.conf", "/boot/grub/custom.cfg",
  };
  static const char *const no[] = {"/etc/default/grubby", "/etc/default/locale", "/etc/kernels",
                                   "/srv/boot/x"};
  for (guint i = 0; i < G_N_ELEMENTS (yes); i++)
    if (!needs_for (fixture, NULL, yes[i]))
      g_error ("'%s' needs no boot files", yes[i]);
  for (guint i = 0; i < G_N_ELEMENTS (no); i++)
    if (needs_for (fixture, NULL, no[i]))
      g_error ("'%s' needs boot files", no[i]);
}

static void
a_folder_needs_it_by_what_it_holds (Fixture *fixture, gconstpointer data)
{
  g_autofree char *folder = g_dir_make_tmp ("vmforge-needs-XXXXXX", NULL);
  g_autofree char *inner = g_build_filename (folder, "default/grub.d", NULL);
  g_assert_false (needs_for (fixture, folder, "/etc"));
  g_assert_true (needs_for (fixture, folder, "/etc/default/grub.d/x"));
  g_assert_cmpint (g_mkdir_with_parents (inner, 0755), ==, 0);
  g_assert_true (needs_for (fixture, folder, "/etc"));
  g_assert_false (needs_for (fixture, folder, "/"));
  g_assert_false (needs_for (fixture, folder, "/srv"));
  g_assert_true (needs_for (fixture, folder, "/boot"));
  g_assert_true (vf_fs_remove (AT_FDCWD, folder, NULL));
}

static void
the_initramfs_is_made_anew_for_its_own_files_alone (Fixture *fixture, gconstpointer data)
{
  g_assert_true (needs_for (fixture, NULL, "/etc/initramfs-tools/modules"));
  g_assert_true (vf_engine_needs_initramfs (&fixture->stage));
  g_assert_true (needs_for (fixture, NULL, "/etc/default/grub"));
  g_assert_false (vf_engine_needs_initramfs (&fixture->stage));
}

#define ADD(test) g_test_add ("/build/needs-boot/" #test, Fixture, NULL, set_up, test, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD (the_initramfs_is_made_anew_for_its_own_files_alone);
  ADD (core_and_packages_need_it_and_nothing_does_not);
  ADD (kernel_arguments_are_the_appliances);
  ADD (files_that_boot_files_are_made_of_need_it);
  ADD (a_folder_needs_it_by_what_it_holds);
  return g_test_run ();
}
