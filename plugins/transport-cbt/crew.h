/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Threads that work off a short queue: whoever fills it waits while it is full. */
#pragma once

#include "cbt.h"
#include "room.h"

typedef struct _Crew Crew;

/* Takes the job. room: of the thread. FALSE: it failed, with the call's error set. */
typedef gboolean (*CrewFunc) (gpointer job, Room *room, gpointer user_data);

Crew *crew_new (guint threads, CrewFunc func, GDestroyNotify free_job, gpointer user_data);
/* Takes the job in any case. FALSE once any job has failed. */
gboolean crew_push (Crew *crew, gpointer job);
/* Waits until all jobs are done. FALSE if one has failed; the rest was then thrown away. */
gboolean crew_wait (Crew *crew);
/* Throws away what is queued, and ends the threads. */
void crew_free (Crew *crew);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Crew, crew_free)
