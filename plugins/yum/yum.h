/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Inside of the plugin `yum`: the RPM family. The host's dnf reads repositories and solves, with a private
 * configuration; the root filesystem's own rpm installs, so that its database is what its distribution has.
 */
#pragma once

#include "package-common/package.h"

#include <json-c/json.h>

/* What open() returns. */
typedef struct {
  struct json_object *profile;
  char *release;      /* as the profile calls it */
  char *arch;         /* x86_64, i386, as vmforge says */
  char *package_arch; /* x86_64, i686 */
  char *cache_path;
  char **mirrors; /* the spec's, or NULL */
  gboolean offline;
} Yum;

/* Member of the profile's settings. */
struct json_object *yum_setting (const Yum *yum, const char *key);
const char *yum_setting_text (const Yum *yum, const char *key, const char *fallback);
/* Member of an object; NULL if it is not there or no text. */
const char *yum_text (struct json_object *object, const char *key);

/* ---- keys (yum-keys.c, yum-armour.c) */
/* The only form of keys that rpm reads, of keys in either. Free the result. */
char *yum_armour (const char *key, gsize length);
/* Copies a file of OpenPGP keys into the cache, unless it is there, and returns the copy's path. digest:
 * SHA-256 that it must have, or NULL. NULL with error. */
char *yum_key_copy (Call *call, const Yum *yum, const char *path, const char *digest);
/* Copies of all keys of the profile, fetched where it has URLs; each must hold the fingerprints that the
 * profile pins, and no other key. NULL with error. */
GPtrArray *yum_keys (Call *call, const Yum *yum);

/* ---- mirrors (yum-mirrors.c) */
/* The URL below the profile's mirror of what a build found at url. */
char *yum_public_url (const Yum *yum, const char *url);
/* Where that may be fetched, the user's first mirror first; NULL: nowhere else. */
char *yum_fetch_url (const Yum *yum, const char *url, guint number);

/* ---- configuration (yum-config.c) */
/* Of dnf: nothing of the host's is seen. It lives in memory. */
typedef struct {
  int fd;
  char *path;      /* of the file, for other processes */
  char *identity;  /* where packages come from: part of the digest of the metadata */
  char *root;      /* an empty root filesystem, which has dnf's metadata below var/cache/dnf */
  GPtrArray *ids;  /* of repositories */
  GPtrArray *keys; /* paths of all keys */
} YumConfig;
YumConfig *yum_config_new (Call *call, const Yum *yum, const struct vmforge_repository *const *repositories);
void yum_config_free (YumConfig *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (YumConfig, yum_config_free)

/* ---- dnf (yum-dnf.c) */
/* What it says when it fails. */
typedef struct {
  PkgLast last;
  char *error;  /* the first line that begins with Error:, without that */
  char *detail; /* the first of those that tell why a mirror does not do */
} YumLines;
void yum_lines_add (YumLines *lines, int stream, const char *line);
void yum_lines_clear (YumLines *lines);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (YumLines, yum_lines_clear)
/* Sets the error `failure: why (advice)` and returns -1. */
int yum_lines_explain (Call *call, const YumLines *lines, const char *failure);
/* Runs `dnf COMMAND OPERAND`; on_line is told what comes on descriptor 3 (may be NULL). Its exit status, or
 * -1. */
int yum_dnf (Call *call, const Yum *yum, const YumConfig *config, gboolean cached, const char *command,
             const char *operand, YumLines *lines, int (*on_line) (void *user, const char *line), void *user);

/* ---- metadata (yum-metadata.c) */
int yum_refresh (void *handle, Call *call, const struct vmforge_package_request *request, char *snapshot);
int yum_metadata_date (void *handle, Call *call, const struct vmforge_package_request *request,
                       int64_t *seconds);

/* ---- the other callbacks, one file each */
int yum_resolve (void *handle, Call *call, const struct vmforge_package_request *request);
int yum_fetch (void *handle, Call *call, const struct vmforge_package *const *packages);
int yum_build_time (void *handle, Call *call, const struct vmforge_package *const *packages,
                    int64_t *seconds);
int yum_install (void *handle, Call *call, const struct vmforge_root *root,
                 const struct vmforge_package_request *request,
                 const struct vmforge_package *const *packages);
int yum_manifest (void *handle, Call *call, const struct vmforge_root *root);
int yum_boot (void *handle, Call *call, const struct vmforge_root *root,
              const struct vmforge_boot_request *request);

/* ---- .rpm files (yum-header.c) */
/* When the package was built, or the newest of its files changed, whichever is later, in seconds since 1970;
 * -1 where it is no .rpm. */
gint64 yum_header_time (int fd);
