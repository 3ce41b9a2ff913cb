/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The checked model of a spec. Immutable once loaded; all strings belong to it. Paths are absolute. */
#pragma once

#include "spec/node.h"
#include "spec/profile.h"
#include "vmforge/vmforge.h"

typedef struct {
  char *url;
  char *suite;
  char **components;
  char *key_path; /* of the OpenPGP keys on the host */
  char *name;     /* given, or made of url and suite: [a-z0-9-]+ */
} VfSpecRepository;

typedef struct {
  char *name;
  char *password; /* crypt(3) hash, "!locked", or NULL: locked */
  char **groups;
  char **ssh_keys; /* the keys themselves, one line each (`file:` entries were read) */
  char *shell;     /* NULL: the distribution's default */
  char *home;      /* NULL: default */
  char *gecos;     /* NULL: "" */
  gint64 uid;      /* -1: next free */
  gboolean system;
} VfSpecUser;

typedef struct {
  const VfNode *node; /* for errors */
  char *from;         /* path on the host, a file or a folder; NULL with content or link */
  char *content;      /* inline text; NULL with from */
  char *link;         /* target of a symbolic link to make; NULL otherwise */
  char *to;           /* absolute path in the image */
  int mode;           /* permission bits; -1: those of the source (content: 0644) */
  char *owner;        /* USER[:GROUP] by name or number; NULL: root:root */
} VfSpecFile;

typedef struct {
  const VfNode *node;
  char *command;     /* for /bin/sh -c, or NULL */
  char *script;      /* path on the host of a script to run, or NULL */
  char *script_text; /* its content */
  gsize script_length;
  gboolean network; /* with the network: not reproducible */
} VfSpecRun;

typedef struct {
  const VfNode *node;      /* NULL if the spec does not mention the stage */
  GPtrArray *repositories; /* VfSpecRepository */
  char **features;         /* roles, as written */
  /* Resolved against the profile, no doubles: in Core the bootstrap packages, then those of features, then
   * packages, then in Appliance those that locale and timezone need. */
  char **packages;
  char **remove;
  GPtrArray *users; /* VfSpecUser */
  GPtrArray *files; /* VfSpecFile */
  GPtrArray *run;   /* VfSpecRun */
  guint64 size;     /* `size:` of the stage, or 0: the profile's nominal size */
} VfSpecStage;

typedef struct {
  char *match; /* interface name or glob; NULL: every Ethernet card */
  gboolean dhcp;
  char **addresses; /* CIDR */
  char *gateway;
  char **dns;
} VfSpecInterface;

struct _VmforgeSpec {
  char *path;
  VfNode *root; /* merged, checked */
  char *name;
  char *version;      /* "0" if absent */
  VfProfile *profile; /* cut down to release and architecture */
  guint64 disk_size;  /* never 0: if absent the profile's nominal size, or that of the largest stage */
  char *filesystem;
  guint firmware; /* VMFORGE_FIRMWARE_… */
  char **mirrors; /* NULL: the plugin's default */
  VfSpecStage stages[VMFORGE_N_STAGES];
  /* Appliance settings */
  char *hostname;          /* NULL: the profile's */
  char *locale;            /* NULL: C.UTF-8 */
  char *timezone;          /* NULL: UTC */
  GPtrArray *network;      /* VfSpecInterface; empty: DHCP on any card */
  char **kernel_arguments; /* beside the profile's */
  char **formats;          /* output.formats; never empty */
};

typedef enum {
  VF_SPEC_WITHOUT_FILES = 1, /* files that the spec names are not looked at (fuzzing) */
} VfSpecFlags;

/* Checks a merged tree against the schema and makes the model of it. Takes root, also on error. */
VmforgeSpec *vf_spec_from_node (VfNode *root, VfSpecFlags flags, GError **error);

/* The folder whose content is no part of an image (it is another filesystem in the machine, or emptied at the
 * end of a stage) and in which this absolute path lies; static. NULL: the path ships. */
const char *vf_spec_unshipped_folder (const char *path);
