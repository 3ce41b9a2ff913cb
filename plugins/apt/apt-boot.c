/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Boot files, made by the distribution's own GRUB inside the root filesystem: configuration, modules, and the
 * images that the engine places. */
#include "apt.h"

/* Stands for grub-probe while the configuration is made. */
#define PROBE "boot/grub/.vmforge-probe"

/* One way to boot. */
typedef struct {
  guint firmware;       /* VMFORGE_FIRMWARE_… */
  const char *arch;     /* Debian's, of the image */
  const char *format;   /* grub-mkimage -O */
  const char *modules;  /* beside the common ones */
  const char *efi_name; /* on the removable path; NULL: BIOS */
} Platform;

static const Platform platforms[] = {
    {VMFORGE_FIRMWARE_BIOS, "amd64", "i386-pc", "biosdisk", NULL},
    {VMFORGE_FIRMWARE_BIOS, "i386", "i386-pc", "biosdisk", NULL},
    {VMFORGE_FIRMWARE_UEFI, "amd64", "x86_64-efi", "fat efi_gop", "BOOTX64.EFI"},
    {VMFORGE_FIRMWARE_UEFI, "i386", "i386-efi", "fat efi_gop", "BOOTIA32.EFI"},
    {VMFORGE_FIRMWARE_UEFI, "arm64", "arm64-efi", "fat efi_gop", "BOOTAA64.EFI"},
};

static const char common_modules[] =
    "part_gpt ext2 search search_fs_uuid configfile normal linux boot serial terminal echo test minicmd ls";

static int
run_in_root (Call *call, const char *const *argv, const char *const *binds)
{
  struct vmforge_program program = {.size = sizeof program, .argv = argv};
  struct vmforge_sandbox sandbox = {.size = sizeof sandbox, .binds = binds};
  g_autofree char *command = g_strjoinv (" ", (char **)argv);
  g_autofree char *label = g_strdup_printf ("'%.60s' in the image", command);
  return pkg_run (call, &program, &sandbox, VMFORGE_PLUGIN_FAILED, label);
}

/* How GRUB is configured, in a file of ours, so that a later update-grub in the guest gives the same. */
static int
write_defaults (Call *call, const struct vmforge_root *root, const struct vmforge_boot_request *request)
{
  g_autofree char *arguments = g_strjoinv (" ", (char **)request->kernel_arguments);
  g_autofree char *text =
      g_strdup_printf ("# Written by vmforge. Other files of this folder may override it.\n"
                       "GRUB_TIMEOUT=1\n"
                       "GRUB_TERMINAL=\"console serial\"\n"
                       "GRUB_SERIAL_COMMAND=\"serial --speed=115200\"\n"
                       "GRUB_CMDLINE_LINUX_DEFAULT=\"\"\n"
                       "GRUB_CMDLINE_LINUX=\"%s\"\n"
                       "GRUB_DISABLE_OS_PROBER=true\n",
                       arguments);
  return pkg_write (call, root, "etc/default/grub.d/50-vmforge.cfg", text, strlen (text), 0644);
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
make_config (Call *call, const struct vmforge_root *root, const struct vmforge_boot_request *request)
{
  g_autofree char *script = make_probe (request);
  if (pkg_write (call, root, PROBE, script, strlen (script), 0755) < 0)
    return -1;
  g_autofree char *source = g_build_filename (root->path, PROBE, NULL);
  g_autofree char *device = g_strconcat ("/dev/disk/by-uuid/", request->root_uuid, NULL);
  /* The device's name alone must exist for grub-mkconfig to write root=UUID=… */
  const char *binds[] = {source, "/usr/sbin/grub-probe", "/dev/null", device, NULL};
  const char *argv[] = {"grub-mkconfig", "-o", "/boot/grub/grub.cfg", NULL};
  int result = run_in_root (call, argv, binds);
  pkg_remove (root, PROBE);
  return result;
}

/* Modules and fonts where grub-install would put them. */
static int
copy_modules (Call *call, const Platform *platform)
{
  g_autofree char *script =
      g_strdup_printf ("mkdir -p /boot/grub/%s /boot/grub/fonts &&"
                       " cp -pf /usr/lib/grub/%s/*.mod /usr/lib/grub/%s/*.lst /boot/grub/%s/ &&"
                       " { ! [ -e /usr/share/grub/unicode.pf2 ] ||"
                       " cp -pf /usr/share/grub/unicode.pf2 /boot/grub/fonts/; }",
                       platform->format, platform->format, platform->format, platform->format);
  const char *argv[] = {"/bin/sh", "-c", script, NULL};
  return run_in_root (call, argv, NULL);
}

static int
make_image (Call *call, const Platform *platform)
{
  g_autofree char *name = g_strdup_printf ("/boot/grub/%s/%s", platform->format,
                                           platform->efi_name == NULL ? "core.img" : "core.efi");
  g_autofree char *modules = g_strconcat (common_modules, " ", platform->modules, NULL);
  g_auto (GStrv) words = g_strsplit (modules, " ", -1);
  g_autoptr (GPtrArray) argv = pkg_argv_new ("grub-mkimage", "-O", platform->format, "-o", name, "-p",
                                             "/boot/grub", "-c", "/boot/grub/early.cfg", NULL);
  for (char **word = words; *word != NULL; word++)
    g_ptr_array_add (argv, g_strdup (*word));
  g_ptr_array_add (argv, NULL);
  return run_in_root (call, (const char *const *)argv->pdata, NULL);
}

static int
emit_artefacts (Call *call, const Platform *platform)
{
  g_autofree char *folder = g_strconcat ("/boot/grub/", platform->format, NULL);
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
make_platform (Call *call, const struct vmforge_root *root, const Platform *platform)
{
  g_autofree char *folder = g_strconcat ("usr/lib/grub/", platform->format, NULL);
  if (!pkg_exists (root, folder))
    return pkg_fail (
        call, VMFORGE_PLUGIN_INVALID,
        "the image has no GRUB for %s: add the feature 'bootloader' to core, or change disk.firmware",
        platform->format);
  return copy_modules (call, platform) < 0 || make_image (call, platform) < 0 ||
                 emit_artefacts (call, platform) < 0
             ? -1
             : 0;
}

static int
write_early_config (Call *call, const struct vmforge_root *root, const struct vmforge_boot_request *request)
{
  g_autofree char *text = g_strdup_printf ("search --fs-uuid --set=root %s\n"
                                           "set prefix=($root)/boot/grub\n"
                                           "configfile $prefix/grub.cfg\n",
                                           request->root_uuid);
  return pkg_write (call, root, "boot/grub/early.cfg", text, strlen (text), 0644);
}

/* An image without a boot loader is fine (a container, a kernel given from outside). */
static gboolean
has_bootloader (const struct vmforge_root *root)
{
  return pkg_exists (root, "usr/sbin/grub-mkconfig");
}

int
apt_boot (void *handle, Call *call, const struct vmforge_root *root,
          const struct vmforge_boot_request *request)
{
  const Apt *apt = handle;
  if ((request->flags & VMFORGE_BOOT_INITRAMFS) != 0 && apt_initramfs_update (call, root) < 0)
    return -1;
  if (!has_bootloader (root))
    return 0;
  if (write_defaults (call, root, request) < 0 || write_early_config (call, root, request) < 0)
    return -1;
  call->host->progress (call, 0.2, "configuring GRUB");
  if (make_config (call, root, request) < 0)
    return -1;
  for (gsize i = 0; i < G_N_ELEMENTS (platforms); i++) {
    const Platform *platform = &platforms[i];
    gboolean wanted =
        (platform->firmware & request->firmware) != 0 && g_str_equal (platform->arch, apt->package_arch);
    if (wanted && make_platform (call, root, platform) < 0)
      return -1;
  }
  /* From here on, in the guest, upgrades of GRUB install it on the guest's disk and into the ESP. */
  if (pkg_exists (root, "usr/share/doc/grub-cloud-amd64"))
    return pkg_write (call, root, "etc/grub.d/enable_cloud", "", 0, 0644);
  return 0;
}
