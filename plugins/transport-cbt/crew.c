/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "crew.h"

struct _Crew {
  CrewFunc func;
  GDestroyNotify free_job;
  gpointer user_data;
  guint n_threads;
  GThread **threads;
  GMutex lock; /* for all below */
  GCond changed;
  GQueue jobs;
  guint busy;
  gboolean failed, ends;
};

static gpointer
work (gpointer data)
{
  Crew *crew = data;
  Room room = {0};
  g_mutex_lock (&crew->lock);
  for (;;) {
    gpointer job = g_queue_pop_head (&crew->jobs);
    if (job == NULL && crew->ends)
      break;
    if (job == NULL) {
      g_cond_wait (&crew->changed, &crew->lock);
      continue;
    }
    crew->busy++;
    gboolean skip = crew->failed;
    g_cond_broadcast (&crew->changed);
    g_mutex_unlock (&crew->lock);
    gboolean done = TRUE;
    if (skip)
      crew->free_job (job);
    else
      done = crew->func (job, &room, crew->user_data);
    g_mutex_lock (&crew->lock);
    crew->failed |= !done;
    crew->busy--;
    g_cond_broadcast (&crew->changed);
  }
  g_mutex_unlock (&crew->lock);
  room_clear (&room);
  return NULL;
}

Crew *
crew_new (guint threads, CrewFunc func, GDestroyNotify free_job, gpointer user_data)
{
  Crew *crew = g_new0 (Crew, 1);
  crew->func = func;
  crew->free_job = free_job;
  crew->user_data = user_data;
  crew->n_threads = threads;
  g_mutex_init (&crew->lock);
  g_cond_init (&crew->changed);
  g_queue_init (&crew->jobs);
  crew->threads = g_new0 (GThread *, threads);
  for (guint i = 0; i < threads; i++)
    crew->threads[i] = g_thread_new ("cbt-work", work, crew);
  return crew;
}

gboolean
crew_push (Crew *crew, gpointer job)
{
  g_mutex_lock (&crew->lock);
  while (!crew->failed && crew->jobs.length >= crew->n_threads)
    g_cond_wait (&crew->changed, &crew->lock);
  gboolean failed = crew->failed;
  if (!failed) {
    g_queue_push_tail (&crew->jobs, job);
    g_cond_broadcast (&crew->changed);
  }
  g_mutex_unlock (&crew->lock);
  if (failed)
    crew->free_job (job);
  return !failed;
}

gboolean
crew_wait (Crew *crew)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&crew->lock);
  while (crew->busy > 0 || crew->jobs.length > 0)
    g_cond_wait (&crew->changed, &crew->lock);
  return !crew->failed;
}

void
crew_free (Crew *crew)
{
  g_mutex_lock (&crew->lock);
  crew->failed = crew->failed || crew->jobs.length > 0;
  crew->ends = TRUE;
  g_cond_broadcast (&crew->changed);
  g_mutex_unlock (&crew->lock);
  for (guint i = 0; i < crew->n_threads; i++)
    g_thread_join (crew->threads[i]);
  g_mutex_clear (&crew->lock);
  g_cond_clear (&crew->changed);
  g_free (crew->threads);
  g_free (crew);
}
