/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "build/system.h"

#include "support/error.h"

#include <string.h>

#define UNIT_FOLDER "/etc/systemd/system/"
#define GROW_ROOT   "/usr/lib/vmforge/grow-root"

/* The root filesystem grows into a larger disk at each boot; where there is nothing to do it takes
 * milliseconds. */
static const char grow_root_script[] =
    "#!/bin/sh\n"
    "# Grows the root partition and filesystem into the disk. Written by vmforge.\n"
    "set -eu\n"
    "device=$(readlink -f \"$(findmnt -no SOURCE /)\")\n"
    "part=/sys/class/block/${device##*/}\n"
    "[ -e \"$part/partition\" ] || exit 0\n"
    "number=$(cat \"$part/partition\")\n"
    "disk=$(readlink -f \"$part/..\")\n"
    "disk=${disk##*/}\n"
    "end=$(($(cat \"$part/start\") + $(cat \"$part/size\")))\n"
    "# Less than 2 MiB (4096 sectors) are the backup partition table and alignment.\n"
    "[ $(($(cat \"/sys/class/block/$disk/size\") - end)) -gt 4096 ] || exit 0\n"
    "if command -v growpart >/dev/null; then\n"
    "  growpart \"/dev/$disk\" \"$number\" || [ $? -eq 1 ]\n"
    "else\n"
    "  echo ', +' | sfdisk --no-reread --no-tell-kernel -N \"$number\" \"/dev/$disk\"\n"
    "  partx -u -n \"$number\" \"/dev/$disk\"\n"
    "fi\n"
    "case $(findmnt -no FSTYPE /) in\n"
    "  ext*) resize2fs \"$device\" ;;\n"
    "  xfs) xfs_growfs / ;;\n"
    "esac\n";

/* Before anybody can log in, so that the first look at the disk shows its true size. */
static const char grow_root_unit[] = "[Unit]\n"
                                     "Description=Grow the root filesystem into the disk\n"
                                     "ConditionPathIsReadWrite=/\n"
                                     "ConditionVirtualization=!container\n"
                                     "Before=systemd-user-sessions.service\n"
                                     "\n"
                                     "[Service]\n"
                                     "Type=oneshot\n"
                                     "ExecStart=" GROW_ROOT "\n"
                                     "\n"
                                     "[Install]\n"
                                     "WantedBy=multi-user.target\n";

/* An image ships no host keys; each machine makes its own. */
static const char ssh_keys_unit[] = "[Unit]\n"
                                    "Description=Make the ssh host keys of this machine\n"
                                    "ConditionPathExists=!/etc/ssh/ssh_host_ed25519_key\n"
                                    "Before=ssh.service sshd.service\n"
                                    "\n"
                                    "[Service]\n"
                                    "Type=oneshot\n"
                                    "ExecStart=/usr/bin/ssh-keygen -A\n"
                                    "\n"
                                    "[Install]\n"
                                    "WantedBy=multi-user.target\n";

gboolean
vf_system_unit_exists (const VfWork *work, const char *unit)
{
  static const char *const folders[] = {UNIT_FOLDER, "/usr/lib/systemd/system/", "/lib/systemd/system/"};
  for (guint i = 0; i < G_N_ELEMENTS (folders); i++) {
    g_autofree char *path = g_strconcat (folders[i], unit, NULL);
    if (vf_rootfs_exists (work->root, path))
      return TRUE;
  }
  return FALSE;
}

gboolean
vf_system_enable (VfWork *work, const char *unit, GError **error)
{
  const char *const argv[] = {"systemctl", "--quiet", "enable", unit, NULL};
  return vf_sandbox_call (&work->sandbox, argv, NULL, error);
}

static gboolean
install_unit (VfWork *work, const char *unit, const char *text, GError **error)
{
  g_autofree char *path = g_strconcat (UNIT_FOLDER, unit, NULL);
  return vf_rootfs_write_text (work->root, path, text, error) && vf_system_enable (work, unit, error);
}

static gboolean
write_fstab (VfWork *work, GError **error)
{
  const char *type = vf_json_string (work->job, "filesystem", "ext4");
  g_autoptr (GString) text = g_string_new (NULL);
  g_string_append_printf (text, "UUID=%s / %s %s 0 1\n", work->ids->filesystem, type,
                          g_str_equal (type, "xfs") ? "defaults" : "errors=remount-ro");
  if (vf_json_int (work->job, "firmware", 0) & VMFORGE_FIRMWARE_UEFI)
    g_string_append_printf (text, "UUID=%s /boot/efi vfat umask=0077,nofail 0 0\n", work->ids->esp_uuid);
  const VfAccess folder = {0700, 0, 0};
  return vf_rootfs_write_text (work->root, "/etc/fstab", text->str, error) &&
         (!strstr (text->str, "/boot/efi") || vf_rootfs_mkdir (work->root, "/boot/efi", &folder, error));
}

static gboolean
has_systemd (const VfWork *work)
{
  return vf_rootfs_exists (work->root, "/usr/bin/systemctl") ||
         vf_rootfs_exists (work->root, "/bin/systemctl");
}

static gboolean
write_hosts (VfWork *work, GError **error)
{
  return vf_rootfs_write_text (work->root, "/etc/hosts",
                               "127.0.0.1\tlocalhost\n"
                               "::1\tlocalhost ip6-localhost ip6-loopback\n"
                               "ff02::1\tip6-allnodes\n"
                               "ff02::2\tip6-allrouters\n",
                               error);
}

gboolean
vf_system_base (VfWork *work, GError **error)
{
  const VfAccess script = {0755, 0, 0};
  if (!write_fstab (work, error) || !write_hosts (work, error))
    return FALSE;
  if (!has_systemd (work))
    return TRUE;
  return vf_rootfs_write (work->root, GROW_ROOT, grow_root_script, strlen (grow_root_script), &script,
                          error) &&
         install_unit (work, "vmforge-grow-root.service", grow_root_unit, error);
}

gboolean
vf_system_services (VfWork *work, GError **error)
{
  static const char keys[] = "vmforge-ssh-host-keys.service";
  return !has_systemd (work) || !vf_rootfs_exists (work->root, "/usr/sbin/sshd") ||
         vf_system_unit_exists (work, keys) || install_unit (work, keys, ssh_keys_unit, error);
}

/* The line of our own name is replaced; whatever else a stage below wrote stays. */
static gboolean
name_in_hosts (VfWork *work, const char *hostname, GError **error)
{
  g_autofree char *present =
      vf_rootfs_read_if_any (work->root, "/etc/hosts", "127.0.0.1\tlocalhost\n", error);
  if (!present)
    return FALSE;
  g_auto (GStrv) lines = g_strsplit (present, "\n", -1);
  g_autoptr (GString) text = g_string_new (NULL);
  for (guint i = 0; lines[i]; i++)
    if (*lines[i] && !g_str_has_prefix (lines[i], "127.0.1.1"))
      g_string_append_printf (text, "%s\n", lines[i]);
  g_string_append_printf (text, "127.0.1.1\t%s\n", hostname);
  return vf_rootfs_write_text (work->root, "/etc/hosts", text->str, error);
}

gboolean
vf_system_hostname (VfWork *work, const char *hostname, GError **error)
{
  g_autofree char *line = g_strconcat (hostname, "\n", NULL);
  return vf_rootfs_write_text (work->root, "/etc/hostname", line, error) &&
         name_in_hosts (work, hostname, error);
}
