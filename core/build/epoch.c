/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The time that a stage is dated by: what is written while building gets no later one. It is a function of
 * what is in the key, so that two builds of a key agree without a date in it. */
#include "build/engine.h"

#include "support/error.h"

/* What the user says is in the key of Core (plan.c), and holds for all stages. */
static gboolean
read_environment (gint64 *epoch, gboolean *found, GError **error)
{
  const char *text = g_getenv ("SOURCE_DATE_EPOCH");
  guint64 seconds = 0;
  *found = text != NULL;
  if (text != NULL && !g_ascii_string_to_unsigned (text, 10, 0, G_MAXINT64, &seconds, NULL))
    return vf_error_set (error, VMFORGE_ERROR_SPEC,
                         "SOURCE_DATE_EPOCH is a number of seconds since 1970, not '%s'", text);
  *epoch = (gint64)seconds;
  return TRUE;
}

/* That of the stage below; -1: there is none, or it does not say. */
static gboolean
read_parent (VfEngine *engine, const VfPlanStage *stage, gint64 *epoch, GError **error)
{
  GError *failure = NULL;
  *epoch = -1;
  if (stage->parent == NULL)
    return TRUE;
  g_autoptr (VfStage) parent = vf_store_find_stage (engine->store, stage->parent->key, &failure);
  if (failure != NULL) {
    g_propagate_error (error, failure);
    return FALSE;
  }
  if (parent != NULL)
    *epoch = vf_json_int (parent->json, "source_date_epoch", -1);
  return TRUE;
}

static gboolean
installs (const VfPlanStage *stage)
{
  for (guint i = 0; i < stage->packages->len; i++) {
    const VfPackage *package = g_ptr_array_index (stage->packages, i);
    if ((package->pub.flags & VMFORGE_PACKAGE_REMOVE) == 0)
      return TRUE;
  }
  return FALSE;
}

gboolean
vf_engine_date_stage (VfEngine *engine, const VfPlanStage *stage, VfBackend *backend, GError **error)
{
  gboolean given = FALSE;
  gint64 parent = -1, built = -1;
  if (!read_environment (&engine->epoch, &given, error))
    return FALSE;
  if (given)
    return TRUE;
  if (!read_parent (engine, stage, &parent, error) ||
      (backend != NULL && !vf_backend_build_time (backend, stage->packages, &built, error)))
    return FALSE;
  /* The plugin cannot say, or nothing was ever installed. */
  if (built < 0 && (parent < 0 || installs (stage)))
    built = g_get_real_time () / G_USEC_PER_SEC;
  engine->epoch = MAX (parent, built);
  return TRUE;
}
