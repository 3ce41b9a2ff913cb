/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Advisory locks between processes. A lock belongs to the open file: it ends with the last process that holds
 * the descriptor, however that one ends. */
#pragma once

#include "vmforge/vmforge.h"

#include <sys/types.h>

typedef struct _VfLock VfLock;

typedef enum { VF_LOCK_SHARED, VF_LOCK_EXCLUSIVE } VfLockMode;

/* Tells once that another process holds the lock. holder: its pid; 0 where it did not say. */
typedef void (*VfLockWaitFunc) (pid_t holder, gpointer user_data);

/* Takes the lock file `path` below dirfd, made where absent; waits while another holds it. */
VfLock *vf_lock_acquire (int dirfd, const char *path, VfLockMode mode, VfLockWaitFunc func,
                         gpointer user_data, GCancellable *cancellable, GError **error);
/* The same without waiting: NULL without error if another holds it. */
VfLock *vf_lock_try (int dirfd, const char *path, VfLockMode mode, GError **error);
/* The descriptor, to hand to a worker. */
int vf_lock_get_fd (const VfLock *lock);
/* TRUE if path is still the file that the lock is of. Where lock files are removed (by who holds them), who
 * got a lock must ask, and try again if it is not. */
gboolean vf_lock_is_at (const VfLock *lock, int dirfd, const char *path);
/* Releases it; the file stays (removing it would let two hold "the same" lock). */
void vf_lock_release (VfLock *lock);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfLock, vf_lock_release)
