/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* An engine for unit tests of the plugin: keeps the error, and answers for programs with lines of the test's.
 */
#pragma once

#include "apt.h"

typedef struct {
  struct vmforge_call call; /* first: the plugin's call is this */
  struct vmforge_host host;
  enum vmforge_plugin_error code; /* of the error, 0: none */
  char *message;
  const char *const *output; /* lines of standard output of every program; NULL: none */
  const char *const *errors; /* likewise of standard error */
  int status;                /* of every program */
  const char *failing;       /* the program that output, errors and status are of alone; NULL: of all */
  const char *apt_config;    /* run apt-get after all, with this APT_CONFIG; NULL: no program runs */
  const char *archive;       /* what the package cache has; NULL: nothing */
  char *folder;              /* of the test's own */
  Apt apt;
} FakeHost;

/* profile: JSON in which @FOLDER@ stands for the folder. */
void fake_host_init (FakeHost *fake, const char *profile);
void fake_host_clear (FakeHost *fake);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (FakeHost, fake_host_clear)

/* Writes a file of the folder and returns its path. */
char *fake_host_write (FakeHost *fake, const char *name, const char *text);
/* Checks the error and forgets it. */
void fake_host_assert_error (FakeHost *fake, enum vmforge_plugin_error code, const char *part);
