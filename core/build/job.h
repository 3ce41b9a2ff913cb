/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* A stage as a piece of work: what the engine tells a worker process (one JSON document on its standard
 * input) and what the worker tells back (JSON lines on descriptor VF_JOB_EVENTS_FD). The worker writes the
 * stage's log to VF_JOB_LOG_FD itself, and holds VF_JOB_LOCK_FD, the lock of the volume, until it is gone.
 *
 * Job:
 *  {"format":1, "store":PATH, "storage":SETTING, "stage":"core", "key":KEY, "core_key":KEY,
 *   "volume":ID, "parent_volume":ID (absent in Core),
 *   "parent_index":{"path":PATH below the store,"root":ROOT} (absent where the parent has none),
 *   "bytes":SIZE of the volume while this stage is built,
 *   "filesystem":"ext4", "mkfs":[arguments], "firmware":3,
 *   "plugin":"apt", "profile":{…}, "release":…, "arch":…, "cache":PATH, "mirrors":[…] (may be absent),
 *   "repositories":[{"url","suite","components":[],"key_path","key_digest","name"}],  of this stage and below
 *   "install":[names], "remove":[names], "packages":[package with data, to install now],
 *   "installed_size":BYTES of the parent's packages,
 *   "kernel_arguments":[…], "boot":true where boot files must be made anew,
 *   "initramfs":true where files were placed that it is made of,
 *   "system":{"hostname","locale","timezone","network_backend","network":[{"match","dhcp","addresses","gateway",
 *             "dns"}]}  (members are absent where this stage does not set them),
 *   "users":[{"name","password","groups":[],"ssh_keys":[],"shell","home","gecos","uid","system"}],
 *   "files":[{"from"|"content"|"link","digest" (of from, a file: must still match),"to",
 *             "mode" (-1: source's),"owner"}],
 *   "run":[{"label":"run[0] (spec.yaml:12:5)","command"|"script" (text),"network"}],
 *   "source_date_epoch":SECONDS}
 *
 * Events: {"event":"progress","fraction":PERMILLE,"what":TEXT}  {"event":"warning","message":TEXT}
 *   {"event":"log","message":TEXT} (the line, cut where it is long)
 *   {"event":"written","bytes":BYTES}  that the volume has taken of its storage since the stage began
 *         {"event":"package","package":{…}}  one for each package of the root filesystem, from its own
 *          database, when all else is done (not one event with all: a line is at most 64 KiB)
 *   last  {"event":"result","ok":true,"index":ROOT of building/VOLUME.index,
 *          "own_bytes":BYTES of the blocks that are neither zeros nor what the parent's index has in their
 * place} or    {"event":"result","ok":false,"code":VmforgeError,"message":TEXT}
 *
 * A worker builds volume ID from its parent and seals it: create or clone, grow, partition, mount, install,
 * configure, boot files, unmount, place boot files, trim, seal, index. It removes nothing but what lives in
 * its namespaces: mounts, loop devices and processes end with it, the volume is the engine's to remove. */
#pragma once

#include "support/json.h"
#include "support/process.h"
#include "vmforge/vmforge.h"

#define VF_JOB_EVENTS_FD 3
#define VF_JOB_LOG_FD    4
#define VF_JOB_LOCK_FD   5

typedef struct {
  void (*progress) (double fraction, const char *what, gpointer user_data);
  void (*warning) (const char *message, gpointer user_data);
  void (*log) (const char *line, gpointer user_data);
  void (*written) (guint64 bytes, gpointer user_data);
  void (*indexed) (const char *root, guint64 own_bytes, gpointer user_data); /* of a good result */
  gboolean (*watch) (gpointer user_data, GError **error); /* each second; FALSE with error ends the worker */
  gpointer user_data;
} VfJobWatcher;

/* Runs a job in a worker process and waits for it. packages: the installed ones (VfPackage), on success.
 * A worker that dies without a result is VMFORGE_ERROR_FAILED that names the signal. */
gboolean vf_job_run (VfJson *job, int log_fd, int lock_fd, const VfJobWatcher *watcher, GPtrArray **packages,
                     GCancellable *cancellable, GError **error);
