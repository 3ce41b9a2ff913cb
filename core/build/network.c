/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "build/system.h"

#include "support/error.h"

#include <string.h>

/* Any Ethernet card, by the kernel's and by predictable names; bridges and containers' interfaces are not
 * ours. */
#define ETHERNET "en* eth*"

static void
append_list (GString *text, const char *key, VfJson *interface, const char *member)
{
  g_auto (GStrv) values = vf_json_strv (interface, member);
  for (guint i = 0; values[i]; i++)
    g_string_append_printf (text, "%s=%s\n", key, values[i]);
}

/* interface NULL: DHCP on any card. */
static char *
networkd_text (VfJson *interface)
{
  GString *text = g_string_new (NULL);
  const char *gateway = vf_json_string (interface, "gateway", NULL);
  gboolean dhcp = vf_json_bool (interface, "dhcp", interface == NULL);
  g_string_append_printf (text, "[Match]\nName=%s\n\n[Network]\nDHCP=%s\n",
                          vf_json_string (interface, "match", ETHERNET), dhcp ? "yes" : "no");
  if (interface) {
    append_list (text, "Address", interface, "addresses");
    if (gateway)
      g_string_append_printf (text, "Gateway=%s\n", gateway);
    append_list (text, "DNS", interface, "dns");
  }
  return g_string_free (text, FALSE);
}

static gboolean
configure_networkd (VfWork *work, VfJson *interfaces, gsize n_interfaces, GError **error)
{
  for (gsize i = 0; i < n_interfaces; i++) {
    g_autofree char *path =
        g_strdup_printf ("/etc/systemd/network/70-vmforge-%" G_GSIZE_FORMAT ".network", i);
    g_autofree char *text = networkd_text (json_object_array_get_idx (interfaces, i));
    if (!vf_rootfs_write_text (work->root, path, text, error))
      return FALSE;
  }
  g_autofree char *text = networkd_text (NULL);
  if (n_interfaces > 0
          ? !vf_rootfs_remove (work->root, "/etc/systemd/network/80-vmforge-dhcp.network", error)
          : !vf_rootfs_write_text (work->root, "/etc/systemd/network/80-vmforge-dhcp.network", text, error))
    return FALSE;
  return vf_system_enable (work, "systemd-networkd.service", error);
}

static void
append_addresses (GString *text, VfJson *interface, gboolean six)
{
  g_auto (GStrv) addresses = vf_json_strv (interface, "addresses"), dns = vf_json_strv (interface, "dns");
  const char *gateway = vf_json_string (interface, "gateway", NULL);
  gboolean dhcp = vf_json_bool (interface, "dhcp", interface == NULL);
  guint count = 0;
  g_string_append_printf (text, "\n[%s]\n", six ? "ipv6" : "ipv4");
  for (guint i = 0; addresses[i]; i++)
    if (six == (strchr (addresses[i], ':') != NULL))
      g_string_append_printf (text, "address%u=%s\n", ++count, addresses[i]);
  g_string_append_printf (text, "method=%s\n", dhcp ? "auto" : count > 0 ? "manual" : "disabled");
  if (gateway && six == (strchr (gateway, ':') != NULL))
    g_string_append_printf (text, "gateway=%s\n", gateway);
  for (guint i = 0, any = 0; dns[i]; i++)
    if (six == (strchr (dns[i], ':') != NULL))
      g_string_append_printf (text, "%s%s;", any++ ? "" : "dns=", dns[i]);
  if (text->str[text->len - 1] != '\n')
    g_string_append_c (text, '\n');
}

static char *
keyfile_text (VfJson *interface, gsize number)
{
  GString *text = g_string_new (NULL);
  /* multi-connect: one profile for every card that matches. */
  g_string_append_printf (
      text, "[connection]\nid=vmforge-%" G_GSIZE_FORMAT "\ntype=ethernet\nmulti-connect=3\n", number);
  const char *match = vf_json_string (interface, "match", NULL);
  if (match)
    g_string_append_printf (text, "\n[match]\ninterface-name=%s;\n", match);
  append_addresses (text, interface, FALSE);
  append_addresses (text, interface, TRUE);
  return g_string_free (text, FALSE);
}

static gboolean
configure_network_manager (VfWork *work, VfJson *interfaces, gsize n_interfaces, GError **error)
{
  const VfAccess secret = {0600, 0, 0};
  for (gsize i = 0; i < MAX (n_interfaces, 1); i++) {
    g_autofree char *path = g_strdup_printf (
        "/etc/NetworkManager/system-connections/vmforge-%" G_GSIZE_FORMAT ".nmconnection", i);
    g_autofree char *text =
        keyfile_text (i < n_interfaces ? json_object_array_get_idx (interfaces, i) : NULL, i);
    if (!vf_rootfs_write (work->root, path, text, strlen (text), &secret, error))
      return FALSE;
  }
  return vf_system_enable (work, "NetworkManager.service", error);
}

/* Where systemd-resolved is, it serves everybody; else name servers come from NetworkManager, or are those
 * given. */
static gboolean
configure_resolver (VfWork *work, gboolean networkd, VfJson *interfaces, gsize n_interfaces, GError **error)
{
  if (vf_system_unit_exists (work, "systemd-resolved.service"))
    return vf_system_enable (work, "systemd-resolved.service", error) &&
           vf_rootfs_symlink (work->root, "/etc/resolv.conf", "../run/systemd/resolve/stub-resolv.conf", 0, 0,
                              error);
  if (!networkd)
    return TRUE;
  g_autoptr (GString) text = g_string_new (NULL);
  for (gsize i = 0; i < n_interfaces; i++)
    append_list (text, "nameserver", json_object_array_get_idx (interfaces, i), "dns");
  g_strdelimit (text->str, "=", ' ');
  if (text->len == 0)
    vf_events_warning (work->events, "the image has no systemd-resolved: it will know no name servers unless "
                                     "`network:` lists some");
  return vf_rootfs_write_text (work->root, "/etc/resolv.conf", text->str, error);
}

gboolean
vf_system_network (VfWork *work, const char *backend, VfJson *interfaces, GError **error)
{
  gsize n_interfaces = interfaces ? json_object_array_length (interfaces) : 0;
  gboolean networkd = strcmp (backend, "systemd-networkd") == 0;
  if (!networkd && strcmp (backend, "NetworkManager") != 0)
    return vf_error_set (
        error, VMFORGE_ERROR_SPEC,
        "the profile's network_backend '%s' is unknown (known: systemd-networkd, NetworkManager)", backend);
  const char *unit = networkd ? "systemd-networkd.service" : "NetworkManager.service";
  if (!vf_system_unit_exists (work, unit))
    return vf_error_set (error, VMFORGE_ERROR_SPEC, "the image has no %s: install the package that brings it",
                         unit);
  return (networkd ? configure_networkd (work, interfaces, n_interfaces, error)
                   : configure_network_manager (work, interfaces, n_interfaces, error)) &&
         configure_resolver (work, networkd, interfaces, n_interfaces, error);
}
