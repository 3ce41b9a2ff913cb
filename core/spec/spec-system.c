/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "spec/spec-private.h"

#include <gio/gio.h>
#include <string.h>

void
vf_spec_interface_free (VfSpecInterface *interface)
{
  g_free (interface->match);
  g_strfreev (interface->addresses);
  g_free (interface->gateway);
  g_strfreev (interface->dns);
  g_free (interface);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfSpecInterface, vf_spec_interface_free)

/* These settings may stand at the top or in the appliance, for they belong to it; not in both. */
static gboolean
find_setting (const VmforgeSpec *spec, const char *key, const VfNode **node, GError **error)
{
  const VfNode *top = vf_node_get (spec->root, key);
  const VfNode *own = vf_node_get (spec->stages[VMFORGE_STAGE_APPLIANCE].node, key);
  *node = own == NULL ? top : own;
  if (top != NULL && own != NULL)
    return vf_node_error (own, VMFORGE_ERROR_SPEC, error, "'%s' is given twice, here and at %s:%d", key,
                          top->file, top->line);
  if (*node != NULL && (*node)->type == VF_NODE_NULL)
    *node = NULL;
  return TRUE;
}

static gboolean
check_address (const VfNode *node, const char *what, GError **error)
{
  if (g_hostname_is_ip_address (node->text))
    return TRUE;
  return vf_node_error (node, VMFORGE_ERROR_SPEC, error, "%s is no IP address: '%s'", what, node->text);
}

/* ADDRESS/LENGTH. GInetAddressMask would want the host's part to be zero. */
static gboolean
check_cidr (const VfNode *node, GError **error)
{
  const char *slash = strchr (node->text, '/');
  if (slash == NULL)
    return vf_node_error (node, VMFORGE_ERROR_SPEC, error,
                          "the address '%s' lacks its prefix length, such as %s/24", node->text, node->text);
  g_autofree char *text = g_strndup (node->text, (gsize)(slash - node->text));
  g_autoptr (GInetAddress) address = g_inet_address_new_from_string (text);
  guint64 length;
  if (address == NULL || !g_ascii_string_to_unsigned (slash + 1, 10, 0, 128, &length, NULL) ||
      length > g_inet_address_get_native_size (address) * 8)
    return vf_node_error (node, VMFORGE_ERROR_SPEC, error, "this is no address with prefix length: '%s'",
                          node->text);
  return TRUE;
}

static gboolean
check_interface (const VfSpecInterface *interface, const VfNode *node, GError **error)
{
  const VfNode *addresses = vf_node_get (node, "addresses");
  const VfNode *gateway = vf_node_get (node, "gateway");
  const VfNode *dns = vf_node_get (node, "dns");
  for (guint i = 0; i < vf_node_length (addresses); i++)
    if (!check_cidr (vf_node_at (addresses, i), error))
      return FALSE;
  if (gateway != NULL && !check_address (gateway, "'gateway'", error))
    return FALSE;
  for (guint i = 0; i < vf_node_length (dns); i++)
    if (!check_address (vf_node_at (dns, i), "an entry of 'dns'", error))
      return FALSE;
  if (gateway != NULL && addresses == NULL)
    return vf_node_error (gateway, VMFORGE_ERROR_SPEC, error, "'gateway' needs 'addresses' beside it");
  if (!interface->dhcp && addresses == NULL)
    return vf_node_error (node, VMFORGE_ERROR_SPEC, error, "an interface without 'dhcp' needs 'addresses'");
  return TRUE;
}

static gboolean
add_interface (VmforgeSpec *spec, const VfNode *node, GError **error)
{
  g_autoptr (VfSpecInterface) interface = g_new0 (VfSpecInterface, 1);
  interface->match = g_strdup (vf_node_get_text (node, "match", NULL));
  interface->dhcp = vf_node_get_bool (node, "dhcp", vf_node_get (node, "addresses") == NULL);
  interface->addresses = vf_node_dup_texts (vf_node_get (node, "addresses"));
  interface->gateway = g_strdup (vf_node_get_text (node, "gateway", NULL));
  interface->dns = vf_node_dup_texts (vf_node_get (node, "dns"));
  if (!check_interface (interface, node, error))
    return FALSE;
  g_ptr_array_add (spec->network, g_steal_pointer (&interface));
  return TRUE;
}

static gboolean
read_network (VmforgeSpec *spec, GError **error)
{
  const VfNode *network;
  if (!find_setting (spec, "network", &network, error))
    return FALSE;
  if (network == NULL || network->type != VF_NODE_MAP)
    return TRUE; /* dhcp */
  const VfNode *interfaces = vf_node_get (network, "interfaces");
  if (interfaces == NULL)
    return add_interface (spec, network, error);
  if (vf_node_length (network) > 1)
    return vf_node_error (network, VMFORGE_ERROR_SPEC, error,
                          "'network' with 'interfaces' can have no other key; put it into an interface");
  for (guint i = 0; i < vf_node_length (interfaces); i++)
    if (!add_interface (spec, vf_node_at (interfaces, i), error))
      return FALSE;
  return TRUE;
}

static gboolean
is_installed (const VmforgeSpec *spec, const char *package)
{
  for (guint i = 0; i < VMFORGE_N_STAGES; i++)
    if (g_strv_contains ((const char *const *)spec->stages[i].packages, package))
      return TRUE;
  return FALSE;
}

/* What a setting needs is installed with the appliance, unless a stage asks for it anyway. */
static void
add_role (VmforgeSpec *spec, const char *name)
{
  const VfNode *role = vf_profile_role (spec->profile, name);
  VfSpecStage *appliance = &spec->stages[VMFORGE_STAGE_APPLIANCE];
  for (guint i = 0; i < vf_node_length (role); i++) {
    const char *package = vf_node_at (role, i)->text;
    if (is_installed (spec, package))
      continue;
    guint length = g_strv_length (appliance->packages);
    appliance->packages = g_renew (char *, appliance->packages, length + 2);
    appliance->packages[length] = g_strdup (package);
    appliance->packages[length + 1] = NULL;
  }
}

static gboolean
read_text (const VmforgeSpec *spec, const char *key, char **text, GError **error)
{
  const VfNode *node;
  if (!find_setting (spec, key, &node, error))
    return FALSE;
  *text = node == NULL ? NULL : g_strdup (node->text);
  return TRUE;
}

/* These are part of the C library. */
static gboolean
is_built_in_locale (const char *locale)
{
  return strcmp (locale, "C") == 0 || strcmp (locale, "POSIX") == 0 ||
         g_ascii_strcasecmp (locale, "C.UTF-8") == 0 || g_ascii_strcasecmp (locale, "C.utf8") == 0;
}

gboolean
vf_spec_read_system (const VfSpecLoader *loader, GError **error)
{
  VmforgeSpec *spec = loader->spec;
  const VfNode *arguments;
  spec->network = g_ptr_array_new_with_free_func ((GDestroyNotify)vf_spec_interface_free);
  spec->hostname = g_strdup (vf_node_get_text (spec->stages[VMFORGE_STAGE_APPLIANCE].node, "hostname", NULL));
  if (!read_text (spec, "locale", &spec->locale, error) ||
      !read_text (spec, "timezone", &spec->timezone, error) ||
      !find_setting (spec, "kernel_arguments", &arguments, error) || !read_network (spec, error))
    return FALSE;
  spec->kernel_arguments = vf_node_dup_texts (arguments);
  if (spec->locale != NULL && !is_built_in_locale (spec->locale))
    add_role (spec, "locale");
  if (spec->timezone != NULL && strcmp (spec->timezone, "UTC") != 0)
    add_role (spec, "timezone");
  return TRUE;
}
