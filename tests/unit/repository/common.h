/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* A store without a storage, for tests of what core/repository keeps in it. */
#pragma once

#include "repository/keyring.h"

typedef struct {
  char *path; /* of the store, in a temporary folder */
  VmforgeStore *store;
} Fixture;

void fixture_set_up (Fixture *fixture, gconstpointer data);
void fixture_tear_down (Fixture *fixture, gconstpointer data);
/* The keyring as it is now. */
VfKeyring *fixture_keyring (Fixture *fixture);
/* A new key of somebody else. */
VfSignKey *fixture_key (void);
void fixture_trust (Fixture *fixture, const VfSignKey *key, VfRole role);
void fixture_id (const VfSignKey *key, char id[VF_SIGN_ID_HEX + 1]);
/* Changes one byte of a file in the store. */
void fixture_damage (Fixture *fixture, const char *path);
