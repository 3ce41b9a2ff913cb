/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Boot files, made by the distribution's own GRUB inside the root filesystem: configuration, modules, and the
 * images that the engine places. */
#include "package.h"

/* Stands for grub-probe while the configuration is made. */
#define PROBE "boot/.vmforge-probe"

/* One way to boot. */
typedef struct {
  guint firmware;       /* VMFORGE_FIRMWARE_… */
  const char *arch;     /* vmforge's word */
  const char *format;   /* grub-mkimage -O */
  const char *modules;  /* beside the common ones */
  const char *efi_name; /* on the removable path; NULL: BIOS */
} Platform;

static const Platform platforms[] = {
    {VMFORGE_FIRMWARE_BIOS, "x86_64", "i386-pc", "biosdisk", NULL},
    {VMFORGE_FIRMWARE_BIOS, "i386", "i386-pc", "biosdisk", NULL},
    {VMFORGE_FIRMWARE_UEFI, "x86_64", "x86_64-efi", "fat efi_gop", "BOOTX64.EFI"},
    {VMFORGE_FIRMWARE_UEFI, "i386", "i386-efi", "fat efi_gop", "BOOTIA32.EFI"},
    {VMFORGE_FIRMWARE_UEFI, "aarch64", "arm64-efi", "fat efi_gop", "BOOTAA64.EFI"},
};

/* The distribution's GRUB: "grub", with grub-mkconfig and /boot/grub, or "grub2" likewise. */
typedef struct {
  Call *call;
  const struct vmforge_root *root;
  const struct vmforge_boot_request *request;
  const char *name;
} Grub;

static const char common_modules[] =
    "part_gpt ext2 search search_fs_uuid configfile normal linux boot serial terminal echo test minicmd ls";

static int
run_program (Call *call, const char *const *argv, const char *const *binds)
{
  struct vmforge_program program = {.size = sizeof program, .argv = argv};
  struct vmforge_sandbox sandbox = {.size = sizeof sandbox, .binds = binds};
  g_autofree char *command = g_strjoinv (" ", (char **)argv);
  g_autofree char *label = g_strdup_printf ("'%.60s' in the image", command);
  return pkg_run (call, &program, &sandbox, VMFORGE_PLUGIN_FAILED, label);
}

/* How GRUB is configured, in a file of ours, so that a later grub-mkconfig in the guest gives the same. Only
 * Debian's reads a folder. */
static int
write_defaults (const Grub *grub)
{
  gboolean folder = pkg_exists (grub->root, "etc/default/grub.d") || g_str_equal (grub->name, "grub");
  g_autofree char *arguments = g_strjoinv (" ", (char **)grub->request->kernel_arguments);
  g_autofree char *text =
      g_strdup_printf ("# Written by vmforge.%s\n"
                       "GRUB_TIMEOUT=1\n"
                       "GRUB_TERMINAL=\"console serial\"\n"
                       "GRUB_SERIAL_COMMAND=\"serial --speed=115200\"\n"
                       "GRUB_CMDLINE_LINUX_DEFAULT=\"\"\n"
                       "GRUB_CMDLINE_LINUX=\"%s\"\n"
                       "GRUB_DISABLE_OS_PROBER=true\n",
                       folder ? " Other files of this folder may override it." : "", arguments);
  return pkg_write (grub->call, grub->root, folder ? "etc/default/grub.d/50-vmforge.cfg" : "etc/default/grub",
                    text, strlen (text), 0644);
}

/* grub-mkconfig asks grub-probe about devices, which the sandbox does not have: this answers in its place,
 * with what will be true in the guest. */
static char *
make_probe (const struct vmforge_boot_request *request)
{
  return g_strdup_printf ("#!/bin/sh\n"
                          "target=fs\n"
                          "while [ $# -gt 0 ]; do\n"
                          "  case \"$1\" in\n"
                          "  --target=*) target=${1#--target=} ;;\n"
                          "  -t | --target) target=$2; shift ;;\n"
                          "  esac\n"
                          "  shift\n"
                          "done\n"
                          "case \"$target\" in\n"
                          "device) echo /dev/disk/by-uuid/%s ;;\n"
                          "fs_uuid) echo %s ;;\n"
                          "fs) echo %s ;;\n"
                          "partmap) echo gpt ;;\n"
                          "esac\n"
                          "exit 0\n",
                          request->root_uuid, request->root_uuid,
                          g_str_has_prefix (request->filesystem, "ext") ? "ext2" : request->filesystem);
}

static int
make_config (const Grub *grub)
{
  const struct vmforge_root *root = grub->root;
  g_autofree char *script = make_probe (grub->request);
  if (pkg_write (grub->call, root, PROBE, script, strlen (script), 0755) < 0)
    return -1;
  g_autofree char *source = g_build_filename (root->path, PROBE, NULL);
  g_autofree char *probe = g_strdup_printf ("/usr/sbin/%s-probe", grub->name);
  g_autofree char *device = g_strconcat ("/dev/disk/by-uuid/", grub->request->root_uuid, NULL);
  g_autofree char *program = g_strconcat (grub->name, "-mkconfig", NULL);
  g_autofree char *target = g_strdup_printf ("/boot/%s/grub.cfg", grub->name);
  /* The device's name alone must exist for grub-mkconfig to write root=UUID=… */
  const char *binds[] = {source, probe, "/dev/null", device, NULL};
  const char *argv[] = {program, "-o", target, NULL};
  int result = run_program (grub->call, argv, binds);
  pkg_remove (root, PROBE);
  return result;
}

/* Modules and fonts where grub-install would put them. */
static int
copy_modules (const Grub *grub, const Platform *platform)
{
  static const char script[] = "mkdir -p /boot/$1/$2 /boot/$1/fonts &&"
                               " cp -pf /usr/lib/grub/$2/*.mod /usr/lib/grub/$2/*.lst /boot/$1/$2/ &&"
                               " { ! [ -e /usr/share/grub/unicode.pf2 ] ||"
                               " cp -pf /usr/share/grub/unicode.pf2 /boot/$1/fonts/; }";
  const char *argv[] = {"/bin/sh", "-c", script, "sh", grub->name, platform->format, NULL};
  return run_program (grub->call, argv, NULL);
}

static int
make_image (const Grub *grub, const Platform *platform)
{
  g_autofree char *folder = g_strconcat ("/boot/", grub->name, NULL);
  g_autofree char *name = g_strdup_printf ("%s/%s/%s", folder, platform->format,
                                           platform->efi_name == NULL ? "core.img" : "core.efi");
  g_autofree char *program = g_strconcat (grub->name, "-mkimage", NULL);
  g_autofree char *early = g_strconcat (folder, "/early.cfg", NULL);
  g_autofree char *modules = g_strconcat (common_modules, " ", platform->modules, NULL);
  g_auto (GStrv) words = g_strsplit (modules, " ", -1);
  g_autoptr (GPtrArray) argv =
      pkg_argv_new (program, "-O", platform->format, "-o", name, "-p", folder, "-c", early, NULL);
  for (char **word = words; *word != NULL; word++)
    g_ptr_array_add (argv, g_strdup (*word));
  g_ptr_array_add (argv, NULL);
  return run_program (grub->call, (const char *const *)argv->pdata, NULL);
}

static int
emit_artefacts (const Grub *grub, const Platform *platform)
{
  Call *call = grub->call;
  g_autofree char *folder = g_strdup_printf ("/boot/%s/%s", grub->name, platform->format);
  if (platform->efi_name != NULL) {
    g_autofree char *core = g_strconcat (folder, "/core.efi", NULL);
    g_autofree char *target = g_strconcat ("EFI/BOOT/", platform->efi_name, NULL);
    return call->host->emit_artefact (call, VMFORGE_ARTEFACT_EFI_FILE, core, target);
  }
  g_autofree char *core = g_strconcat (folder, "/core.img", NULL);
  g_autofree char *boot = g_strdup_printf ("/usr/lib/grub/%s/boot.img", platform->format);
  if (call->host->emit_artefact (call, VMFORGE_ARTEFACT_BIOS_BOOT, boot, NULL) < 0)
    return -1;
  return call->host->emit_artefact (call, VMFORGE_ARTEFACT_BIOS_CORE, core, NULL);
}

static int
make_platform (const Grub *grub, const Platform *platform)
{
  g_autofree char *folder = g_strconcat ("usr/lib/grub/", platform->format, NULL);
  if (!pkg_exists (grub->root, folder))
    return pkg_fail (
        grub->call, VMFORGE_PLUGIN_INVALID,
        "the image has no GRUB for %s: add the feature 'bootloader' to core, or change disk.firmware",
        platform->format);
  return copy_modules (grub, platform) < 0 || make_image (grub, platform) < 0 ||
                 emit_artefacts (grub, platform) < 0
             ? -1
             : 0;
}

static int
write_early_config (const Grub *grub)
{
  g_autofree char *text = g_strdup_printf ("search --fs-uuid --set=root %s\n"
                                           "set prefix=($root)/boot/%s\n"
                                           "configfile $prefix/grub.cfg\n",
                                           grub->request->root_uuid, grub->name);
  g_autofree char *path = g_strdup_printf ("boot/%s/early.cfg", grub->name);
  return pkg_write (grub->call, grub->root, path, text, strlen (text), 0644);
}

/* NULL: none. An image without a boot loader is fine (a container, a kernel given from outside). */
static const char *
find_name (const struct vmforge_root *root)
{
  if (pkg_exists (root, "usr/sbin/grub2-mkconfig"))
    return "grub2";
  return pkg_exists (root, "usr/sbin/grub-mkconfig") ? "grub" : NULL;
}

int
pkg_grub (Call *call, const struct vmforge_root *root, const struct vmforge_boot_request *request,
          const char *arch)
{
  Grub grub = {call, root, request, find_name (root)};
  if (grub.name == NULL)
    return 0;
  if (write_defaults (&grub) < 0 || write_early_config (&grub) < 0)
    return -1;
  call->host->progress (call, 0.2, "configuring GRUB");
  if (make_config (&grub) < 0)
    return -1;
  for (gsize i = 0; i < G_N_ELEMENTS (platforms); i++) {
    const Platform *platform = &platforms[i];
    gboolean wanted = (platform->firmware & request->firmware) != 0 && g_str_equal (platform->arch, arch);
    if (wanted && make_platform (&grub, platform) < 0)
      return -1;
  }
  return 0;
}
