/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The host table's results: each accepted only where it is expected, and only if it makes sense. */
#include "plugin/runner.h"
#include "support/digest.h"

#include <string.h>

#define MAX_RESULTS (1u << 20)
#define MAX_DATA    (64u * 1024)

static gboolean
expected (VfCall *call, const char *function, guint flags)
{
  if (call->flags & flags)
    return TRUE;
  vf_call_refuse (call, "it uses %s(), which has no meaning there", function);
  return FALSE;
}

static int
add_result (VfCall *call, gpointer result, GDestroyNotify free_func)
{
  if (!call->results)
    call->results = g_ptr_array_new_with_free_func (free_func);
  if (call->results->len >= MAX_RESULTS) {
    free_func (result);
    return vf_call_refuse (call, "more than %u results", MAX_RESULTS);
  }
  g_ptr_array_add (call->results, result);
  return 0;
}

static gboolean
is_word (const char *text)
{
  return text && *text && g_utf8_validate (text, -1, NULL) && !strpbrk (text, " \t\r\n");
}

/* A word, or where it may be unknown the empty text. */
static gboolean
is_text (const char *text, gboolean may_be_empty)
{
  return is_word (text) || (may_be_empty && text && !*text);
}

int
vf_call_emit_package (struct vmforge_call *public_call, const struct vmforge_package *package)
{
  VfCall *call = (VfCall *)public_call;
  if (!expected (call, "emit_package", VF_CALL_EMITS_PACKAGES))
    return -1;
  if (!package || package->size < offsetof (struct vmforge_package, digest))
    return vf_call_refuse (call, "emit_package() without a package, or without its size");
  struct vmforge_package copy;
  VF_COPY_SIZED (&copy, package);
  gboolean goes = (copy.flags & VMFORGE_PACKAGE_REMOVE) != 0;
  if (!is_word (copy.id) || !is_word (copy.name) || !is_text (copy.version, goes) ||
      !is_text (copy.arch, goes))
    return vf_call_refuse (call, "a package without id, name, version or arch");
  if (copy.digest &&
      (strlen (copy.digest) != VF_DIGEST_HEX || !vf_digest_is_hex (copy.digest, VF_DIGEST_HEX)))
    return vf_call_refuse (call, "package '%s' with digest '%s', which is no SHA-256", copy.id, copy.digest);
  if ((copy.url && !g_utf8_validate (copy.url, -1, NULL)) ||
      (copy.data && (strnlen (copy.data, MAX_DATA + 1) > MAX_DATA || !g_utf8_validate (copy.data, -1, NULL))))
    return vf_call_refuse (call, "package '%s' with a url or data that is too long or not UTF-8", copy.id);
  return add_result (call, vf_package_copy (&copy), (GDestroyNotify)vf_package_free);
}

int
vf_call_emit_volume (struct vmforge_call *public_call, const struct vmforge_volume *volume)
{
  VfCall *call = (VfCall *)public_call;
  if (!expected (call, "emit_volume", VF_CALL_EMITS_VOLUMES))
    return -1;
  if (!volume || volume->size < offsetof (struct vmforge_volume, bytes))
    return vf_call_refuse (call, "emit_volume() without a volume, or without its size");
  struct vmforge_volume copy;
  VF_COPY_SIZED (&copy, volume);
  if (!copy.id || strlen (copy.id) != 32 || !vf_digest_is_hex (copy.id, 32))
    return vf_call_refuse (call, "volume '%s' has no id of ours", copy.id ? copy.id : "");
  VfVolume *ours = g_new0 (VfVolume, 1);
  ours->id = g_strdup (copy.id);
  ours->sealed = (copy.flags & VMFORGE_VOLUME_SEALED) != 0;
  ours->bytes = copy.bytes;
  ours->allocated = copy.allocated;
  return add_result (call, ours, (GDestroyNotify)vf_volume_free);
}

static gboolean
state_is_valid (VfCall *call, enum vmforge_extent_state state)
{
  if (call->flags & VF_CALL_EMITS_EXTENTS)
    return state == VMFORGE_EXTENT_HOLE || state == VMFORGE_EXTENT_DATA;
  return state == VMFORGE_EXTENT_SAME || state == VMFORGE_EXTENT_CHANGED || state == VMFORGE_EXTENT_UNKNOWN;
}

/* Adds a range, joined to the last one where they touch and agree. */
static void
append_extent (GArray *extents, guint64 offset, guint64 length, enum vmforge_extent_state state)
{
  if (extents->len > 0) {
    VfExtent *last = &g_array_index (extents, VfExtent, extents->len - 1);
    if (last->state == state && last->offset + last->length == offset) {
      last->length += length;
      return;
    }
  }
  VfExtent extent = {offset, length, state};
  g_array_append_val (extents, extent);
}

int
vf_call_emit_extent (struct vmforge_call *public_call, uint64_t offset, uint64_t length,
                     enum vmforge_extent_state state)
{
  VfCall *call = (VfCall *)public_call;
  if (!expected (call, "emit_extent", VF_CALL_EMITS_EXTENTS | VF_CALL_EMITS_DIFFERENCES))
    return -1;
  if (!state_is_valid (call, state))
    return vf_call_refuse (call, "extent state %d has no meaning there", (int)state);
  if (!call->extents)
    call->extents = g_array_new (FALSE, FALSE, sizeof (VfExtent));
  guint64 end = 0;
  if (call->extents->len > 0) {
    VfExtent *last = &g_array_index (call->extents, VfExtent, call->extents->len - 1);
    end = last->offset + last->length;
  }
  if (offset < end || offset > call->bytes || length > call->bytes - offset)
    return vf_call_refuse (call,
                           "extent at %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
                           " bytes is out of order or beyond the volume's %" G_GUINT64_FORMAT,
                           offset, length, call->bytes);
  if (length == 0)
    return 0;
  /* What the plugin leaves out is what is safe to assume. */
  if (offset > end)
    append_extent (call->extents, end, offset - end,
                   call->flags & VF_CALL_EMITS_EXTENTS ? VMFORGE_EXTENT_DATA : VMFORGE_EXTENT_UNKNOWN);
  append_extent (call->extents, offset, length, state);
  return 0;
}

int
vf_call_emit_artefact (struct vmforge_call *public_call, enum vmforge_artefact_kind kind, const char *path,
                       const char *target)
{
  VfCall *call = (VfCall *)public_call;
  if (!expected (call, "emit_artefact", VF_CALL_EMITS_ARTEFACTS))
    return -1;
  if (kind < VMFORGE_ARTEFACT_BIOS_BOOT || kind > VMFORGE_ARTEFACT_EFI_FILE || !path || path[0] != '/' ||
      (kind == VMFORGE_ARTEFACT_EFI_FILE && (!target || !*target)))
    return vf_call_refuse (call, "an artefact of kind %d without an absolute path, or without its target",
                           (int)kind);
  VfArtefact *artefact = g_new0 (VfArtefact, 1);
  artefact->kind = kind;
  artefact->path = g_strdup (path);
  artefact->target = g_strdup (target);
  return add_result (call, artefact, (GDestroyNotify)vf_artefact_free);
}

void
vf_volume_free (VfVolume *volume)
{
  g_free (volume->id);
  g_free (volume);
}

void
vf_artefact_free (VfArtefact *artefact)
{
  g_free (artefact->path);
  g_free (artefact->target);
  g_free (artefact);
}
