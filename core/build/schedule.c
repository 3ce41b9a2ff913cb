/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "build/schedule.h"

#include "support/error.h"

#include <stdio.h>

/* What the package tools and scripts of one stage may take. */
#define JOB_MEMORY (G_GUINT64_CONSTANT (768) * 1024 * 1024)

typedef struct {
  VfEngine *engine; /* of the calling thread */
  GPtrArray *nodes;
  GAsyncQueue *messages;
  GHashTable *told; /* specs (VmforgeSpec) whose end was told */ /* Message, from the threads */
  guint threads;                                                 /* that have not ended */
  guint busy; /* of them, those that do not wait for another process */
  guint jobs;
  gboolean several; /* specs: an error names its own */
  GError *failure;  /* the first one */
} Schedule;

/* What a thread has to do, and where it tells what happens. */
typedef struct {
  Schedule *schedule;
  VfGraphNode *node;
  GThread *thread;
} Task;

typedef struct {
  Task *task;
  gboolean ended;
  GError *error; /* with ended: why it failed, or NULL */
  VmforgeEvent event;
  char *event_message, *event_image, *event_path;
} Message;

static guint64
available_memory (void)
{
  char line[256];
  guint64 kib = 0;
  FILE *file = fopen ("/proc/meminfo", "re");
  while (file != NULL && fgets (line, sizeof line, file) != NULL)
    if (g_str_has_prefix (line, "MemAvailable:"))
      kib = g_ascii_strtoull (line + strlen ("MemAvailable:"), NULL, 10);
  if (file != NULL)
    fclose (file);
  return kib * 1024;
}

guint
vf_schedule_default_jobs (void)
{
  guint64 memory = available_memory ();
  guint64 fit = memory == 0 ? G_MAXUINT : memory / JOB_MEMORY;
  return (guint)CLAMP (fit, 1, g_get_num_processors ());
}

static void
message_free (Message *message)
{
  g_free (message->event_message);
  g_free (message->event_image);
  g_free (message->event_path);
  g_free (message);
}

/* In a stage's thread: what the engine of that thread tells goes to the thread that called us. */
static void
send_event (const VmforgeEvent *event, gpointer user_data)
{
  Task *task = user_data;
  Message *message = g_new0 (Message, 1);
  message->task = task;
  message->event = *event;
  message->event.message = message->event_message = g_strdup (event->message);
  message->event.image = message->event_image = g_strdup (event->image);
  message->event.path = message->event_path = g_strdup (event->path);
  g_async_queue_push (task->schedule->messages, message);
}

static gboolean
perform (VfEngine *engine, VfGraphNode *node, GError **error)
{
  const VfPlan *plan = node->plan;
  engine->spec = plan->spec;
  engine->stage = node->stage != NULL ? node->stage : plan->stages[plan->n_stages - 1];
  return node->stage != NULL ? vf_engine_build_stage (engine, plan, node->stage, error)
                             : vf_engine_publish (engine, plan, error);
}

static gpointer
run_task (gpointer data)
{
  Task *task = data;
  const VfEngine *ours = task->schedule->engine;
  Message *end = g_new0 (Message, 1);
  end->task = task;
  end->ended = TRUE;
  /* A handle of a storage plugin is used by one thread at a time. */
  g_autoptr (VmforgeStore) store = vf_store_reopen (ours->store, &end->error);
  if (store != NULL) {
    g_auto (VfEngine) engine = {0};
    vf_engine_init (&engine, store, ours->options, send_event, task, ours->cancellable);
    if (!perform (&engine, task->node, &end->error) && end->error == NULL)
      vf_error_set (&end->error, VMFORGE_ERROR_FAILED, "the stage failed without a reason");
  }
  g_async_queue_push (task->schedule->messages, end);
  return NULL;
}

/* Of one stage in another spec than the one that it is built for. */
static void
tell_other (Schedule *schedule, const VmforgeEvent *event, const VfPlanStage *stage)
{
  VmforgeEvent copy = *event;
  copy.spec = stage->spec->path;
  if (copy.state == VMFORGE_STATE_BUILT)
    copy.state = VMFORGE_STATE_REUSED;
  schedule->engine->func (&copy, schedule->engine->user_data);
}

static void
tell_others (Schedule *schedule, const VfGraphNode *node, const VmforgeEvent *event)
{
  gboolean ends = event->state == VMFORGE_STATE_BUILT || event->state == VMFORGE_STATE_REUSED ||
                  event->state == VMFORGE_STATE_FAILED;
  if (schedule->engine->func == NULL || event->type != VMFORGE_EVENT_STAGE || !ends)
    return;
  for (guint i = 0; i < node->others->len; i++)
    tell_other (schedule, event, g_ptr_array_index (node->others, i));
}

/* In the caller's thread. */
static void
deliver (Schedule *schedule, VfGraphNode *node, const VmforgeEvent *event)
{
  if (event->type == VMFORGE_EVENT_STAGE) {
    schedule->engine->has_built |= event->state == VMFORGE_STATE_BUILT;
    gboolean blocked = event->state == VMFORGE_STATE_BLOCKED;
    if (blocked != (node->state == VF_NODE_BLOCKED))
      schedule->busy += blocked ? -1u : 1u;
    node->state = blocked ? VF_NODE_BLOCKED : VF_NODE_RUNNING;
  }
  if (schedule->engine->func != NULL)
    schedule->engine->func (event, schedule->engine->user_data);
  tell_others (schedule, node, event);
}

/* What came of a spec; once. */
static void
tell_spec (Schedule *schedule, const VmforgeSpec *spec, VmforgeStageState state)
{
  if (!g_hash_table_add (schedule->told, (gpointer)spec))
    return;
  schedule->engine->spec = spec;
  schedule->engine->stage = NULL;
  vf_engine_emit (schedule->engine,
                  (VmforgeEvent){.type = VMFORGE_EVENT_SPEC, .state = state, .fraction = 1});
}

/* Takes error. */
static void
fail (Schedule *schedule, VfGraphNode *node, GError *error)
{
  node->state = VF_NODE_FAILED;
  if (schedule->several)
    g_prefix_error (&error, "%s: ", node->plan->spec->path);
  tell_spec (schedule, node->plan->spec, VMFORGE_STATE_FAILED);
  for (guint i = 0; i < node->others->len; i++)
    tell_spec (schedule, ((const VfPlanStage *)g_ptr_array_index (node->others, i))->spec,
               VMFORGE_STATE_FAILED);
  if (schedule->failure == NULL) {
    schedule->failure = error;
    return;
  }
  schedule->engine->spec = node->plan->spec;
  if (!g_error_matches (error, VMFORGE_ERROR, VMFORGE_ERROR_CANCELLED))
    vf_engine_emit (schedule->engine,
                    (VmforgeEvent){.type = VMFORGE_EVENT_WARNING, .fraction = -1, .message = error->message});
  g_error_free (error);
}

static void
end_task (Schedule *schedule, Task *task, GError *error)
{
  VfGraphNode *node = task->node;
  g_thread_join (task->thread);
  g_free (task);
  schedule->threads--;
  schedule->busy -= node->state == VF_NODE_BLOCKED ? 0 : 1;
  if (error != NULL) {
    fail (schedule, node, error);
    return;
  }
  node->state = VF_NODE_DONE;
  if (node->stage == NULL)
    tell_spec (schedule, node->plan->spec, VMFORGE_STATE_BUILT);
}

/* A stage that is there already needs no thread. FALSE with *error only where that cannot be told. */
static gboolean
reuse (Schedule *schedule, VfGraphNode *node, gboolean *reused, GError **error)
{
  VfEngine *engine = schedule->engine;
  *reused = FALSE;
  if (node->stage == NULL)
    return TRUE;
  engine->spec = node->plan->spec;
  if (!vf_engine_reuse_stage (engine, node->stage, reused, error))
    return FALSE;
  if (!*reused)
    return TRUE;
  node->state = VF_NODE_DONE;
  const VmforgeEvent event = {.type = VMFORGE_EVENT_STAGE,
                              .stage = node->stage->kind,
                              .state = VMFORGE_STATE_REUSED,
                              .stage_key = node->stage->key,
                              .fraction = 1};
  tell_others (schedule, node, &event);
  return TRUE;
}

static void
start (Schedule *schedule, VfGraphNode *node)
{
  GError *error = NULL;
  gboolean reused;
  if (!reuse (schedule, node, &reused, &error)) {
    fail (schedule, node, error);
    return;
  }
  if (reused)
    return;
  Task *task = g_new0 (Task, 1);
  task->schedule = schedule;
  task->node = node;
  node->state = VF_NODE_RUNNING;
  task->thread = g_thread_try_new ("stage", run_task, task, &error);
  if (task->thread == NULL) {
    g_free (task);
    fail (schedule, node, error);
    return;
  }
  schedule->threads++;
  schedule->busy++;
}

static void
start_all (Schedule *schedule)
{
  while (schedule->busy < schedule->jobs) {
    VfGraphNode *node = vf_graph_next (schedule->nodes, schedule->failure == NULL);
    if (node == NULL)
      return;
    GError *stopped = NULL;
    if (vf_error_set_if_cancelled (schedule->engine->cancellable, &stopped))
      fail (schedule, node, stopped);
    else
      start (schedule, node);
  }
}

/* Specs that nothing became of: a failure of others came first. */
static void
tell_waiting (Schedule *schedule)
{
  for (guint i = 0; i < schedule->nodes->len; i++) {
    const VfGraphNode *node = g_ptr_array_index (schedule->nodes, i);
    if (node->stage == NULL && node->state == VF_NODE_WAITING)
      tell_spec (schedule, node->plan->spec, VMFORGE_STATE_WAITING);
  }
}

gboolean
vf_schedule_run (VfEngine *engine, GPtrArray *plans, GError **error)
{
  g_autoptr (GPtrArray) nodes = vf_graph_new (plans);
  guint jobs = engine->options->jobs;
  Schedule schedule = {.engine = engine,
                       .nodes = nodes,
                       .messages = g_async_queue_new (),
                       .told = g_hash_table_new (NULL, NULL),
                       .several = plans->len > 1,
                       .jobs = jobs == 0 ? vf_schedule_default_jobs () : jobs};
  for (start_all (&schedule); schedule.threads > 0; start_all (&schedule)) {
    Message *message = g_async_queue_pop (schedule.messages);
    if (message->ended)
      end_task (&schedule, message->task, message->error);
    else
      deliver (&schedule, message->task->node, &message->event);
    message_free (message);
  }
  g_async_queue_unref (schedule.messages);
  tell_waiting (&schedule);
  g_hash_table_unref (schedule.told);
  engine->spec = NULL;
  engine->stage = NULL;
  if (schedule.failure == NULL)
    return TRUE;
  g_propagate_error (error, schedule.failure);
  return FALSE;
}
