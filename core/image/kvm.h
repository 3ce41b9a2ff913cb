/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#pragma once

#include <glib.h>

/* Whether KVM really runs a guest here: on some machines /dev/kvm opens, and then the first instruction of
 * the guest fails. why: free it; set where the answer is no. */
gboolean vf_kvm_works (char **why);
