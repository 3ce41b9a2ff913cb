/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Inside of the plugin `apt`: Debian and its derivatives, with the host's apt to resolve and fetch, and the
 * root filesystem's own dpkg to install. */
#pragma once

#include "package-common/package.h"

#include <json-c/json.h>

typedef struct _AptHost AptHost;

/* What open() returns. */
typedef struct {
  struct json_object *profile;
  const char *release; /* borrowed from profile or config copies below */
  char *release_copy;
  char *arch;         /* x86_64, as vmforge says */
  char *package_arch; /* amd64 */
  char *cache_path;
  char **mirrors; /* the spec's, or NULL */
  gboolean offline;
  const char *snapshot; /* borrowed from profile; NULL: the archives as they are today */
  AptHost *host;
} Apt;

/* A private configuration: nothing of the host's apt is seen but its proxies, credentials file, default
 * mirror and validity settings. Configuration and sources live in memory, so that none can be left behind. */
typedef struct {
  int conf_fd, sources_fd; /* memfds */
  int keys_fd;  /* folder of keys: its path in /proc has neither blank nor comma, whatever the store's has */
  char *lists;  /* folder of package lists, by the sources that they belong to */
  char *status; /* path of the dpkg status file */
  char *env;    /* APT_CONFIG=… for programs */
  /* Of apt's own temporary files, which a killed one leaves: they are found here, as in /tmp they are not. */
  char *temporary;
} AptConfig;

/* sources: text of the sources.list. status: text of the dpkg status file, or ""; with a status, the caller
 * holds the exclusive lock `lists`. */
AptConfig *apt_config_new (Call *call, const Apt *apt, const char *sources, const char *status);
void apt_config_free (AptConfig *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (AptConfig, apt_config_free)

/* ---- mirrors of the host (apt-host.c) */
AptHost *apt_host_new (void);
void apt_host_free (AptHost *host);
/* Reads the host's apt sources, once a handle. 0 or -1. */
int apt_host_read (Call *call, const Apt *apt);
/* The host's mirror of the archive at profile_url that has a suite of the profile, or else profile_url
 * itself. */
char *apt_host_mirror (const Apt *apt, const char *suite, const char *profile_url);

/* ---- archives and mirrors (apt-mirrors.c) */
/* Whether the spec names mirrors of the archive that the profile has at url. */
gboolean apt_has_own_mirrors (const Apt *apt, const char *url);
/* The mirror that a build asks for a suite of it: the user's, else the snapshot, else the host's own, else
 * the profile's. NULL: it has no snapshot. */
char *apt_build_mirror (const Apt *apt, const char *suite, const char *url);
/* The profile's URL of the archive of which a build uses the mirror at base; ends in a slash. */
char *apt_public_url (const Apt *apt, const char *base);
/* Where an archive file of this URL may be, the nearest first. The host's sources must have been read. */
GPtrArray *apt_mirror_urls (const Apt *apt, const char *url);
/* Calls func for each suite of the profile with the URL of its archive. */
void apt_for_each_suite (const Apt *apt,
                         void (*func) (const Apt *apt, const char *suite, const char *url, gpointer data),
                         gpointer data);

/* sources.list for the build: the user's mirrors, else the host's own, else the profile's. NULL with error.
 */
char *apt_sources_for_build (Call *call, const Apt *apt, const struct vmforge_package_request *request);
/* Writes what the image itself uses below etc/apt of the root filesystem. */
int apt_sources_for_image (Call *call, const Apt *apt, const struct vmforge_root *root,
                           const struct vmforge_package_request *request);

/* Member of the profile's `apt` section. */
struct json_object *apt_setting (const Apt *apt, const char *key);
const char *apt_setting_text (const Apt *apt, const char *key, const char *fallback);

/* ---- keys (apt-keys.c) */
#define APT_KEYS_FOLDER "keys"
/* Where a sources.list of ours says that keys lie; apt_config_new puts the folder's real path in its place.
 */
#define APT_KEYS_INSIDE "/vmforge-keys/"
/* Copies the key file at path into the cache, unless it is there, and returns the copy's name. digest:
 * SHA-256 that it must have, or NULL. content, length: of the key, or NULL. NULL with error. */
char *apt_key_copy (Call *call, const Apt *apt, const char *path, const char *digest, char **content,
                    gsize *length);

/* ---- control stanzas (apt-stanza.c) */
/* The value of a field, folded lines joined by a space; NULL if absent. Free it. */
char *apt_stanza_get (const char *stanza, const char *field);
/* The fields of a stanza that a dpkg status file needs, without Status. Free it. */
char *apt_stanza_shorten (const char *stanza, gsize length);
/* Whether a list of names as specs give them (name, name=version, name/suite, name:arch) has this package;
 * the list may be NULL. */
gboolean apt_names_contain (const char *const *names, const char *package);
/* Names in a relation field (all alternatives, without versions). Free with g_ptr_array_unref. */
GPtrArray *apt_stanza_relation (const char *stanza, const char *field);

/* ---- order (apt-order.c) */
/* Splits packages into as few groups as can be installed one after the other, each unpacked and then
 * configured as a whole: pre-dependencies, and what those depend on, are in earlier groups. Element 0: the
 * essential packages and what they need (empty if none). Elements: GPtrArray of const struct vmforge_package
 * *. */
GPtrArray *apt_order_groups (const struct vmforge_package *const *packages);
/* Splits the packages to remove into those that must be gone before anything is unpacked, and those that go
 * last. asked: names as the spec gives them. */
void apt_order_removals (const struct vmforge_package *const *packages, const char *const *asked,
                         GPtrArray *before, GPtrArray *after);

/* ---- helpers */
/* Lines of a program that matter for an error: those of apt (E:, W:) and of dpkg. */
typedef struct {
  GString *output;     /* standard output where wanted, else NULL */
  GPtrArray *errors;   /* lines that begin with E:, Err: or dpkg: error */
  GPtrArray *warnings; /* W: */
  PkgLast last;
} AptLines;
void apt_lines_init (AptLines *lines, gboolean keep_output);
void apt_lines_clear (AptLines *lines);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (AptLines, apt_lines_clear)
void apt_lines_add (AptLines *lines, int stream, const char *line);
/* Sets the error that apt's lines amount to, `failure: why (advice)`, and returns -1. */
int apt_lines_explain (Call *call, const AptLines *lines, const char *failure);

/* Runs a program of apt with a private configuration; lines collects what it says. Its exit status, or -1. */
int apt_config_run (Call *call, const AptConfig *config, const char *const *argv, AptLines *lines);

/* ---- .deb files (apt-deb.c) */
/* The newest time of an archive's members; -1 where it is no .deb. */
int64_t apt_deb_time (int fd);

/* ---- callbacks, one file each */
int apt_refresh (void *handle, Call *call, const struct vmforge_package_request *request, char *snapshot);
int apt_metadata_date (void *handle, Call *call, const struct vmforge_package_request *request,
                       int64_t *seconds);
int apt_resolve (void *handle, Call *call, const struct vmforge_package_request *request);
int apt_fetch (void *handle, Call *call, const struct vmforge_package *const *packages);
int apt_build_time (void *handle, Call *call, const struct vmforge_package *const *packages,
                    int64_t *seconds);
int apt_install (void *handle, Call *call, const struct vmforge_root *root,
                 const struct vmforge_package_request *request,
                 const struct vmforge_package *const *packages);
int apt_manifest (void *handle, Call *call, const struct vmforge_root *root);
int apt_boot (void *handle, Call *call, const struct vmforge_root *root,
              const struct vmforge_boot_request *request);

/* A date as Release files have it, in seconds since 1970; 0: it is none. (apt-date.c) */
gint64 apt_date_parse (const char *text);

/* First steps of a root filesystem: merged /usr, the essential packages' files. (apt-bootstrap.c) */
int apt_bootstrap (Call *call, const Apt *apt, const struct vmforge_root *root, GPtrArray *essential);

/* The package lists of a configuration: {"Packages", path, base URL of its archives, NULL} each. */
GPtrArray *apt_package_lists (Call *call, const AptConfig *config);

/* ---- dpkg in the sandbox (apt-dpkg.c) */
typedef struct {
  Call *call;
  const struct vmforge_root *root;
  const char
      *cache; /* folder of the host below which the package cache is, seen inside as APT_CACHE_INSIDE */
  guint steps, done;   /* of all packages: unpacked, then configured */
  gboolean made_hooks; /* the folder of kernel hooks was not there (apt-initramfs.c) */
} AptDpkg;
#define APT_CACHE_INSIDE "/run/vmforge/cache"

/* ---- the initial RAM filesystem (apt-initramfs.c) */
/* From here on kernels are noted that want one; what no trigger made by then is made by apt_initramfs_make.
 */
int apt_initramfs_defer (AptDpkg *dpkg);
int apt_initramfs_make (AptDpkg *dpkg);
/* Makes those that are there anew. */
int apt_initramfs_update (Call *call, const struct vmforge_root *root);

/* Options, then the action; operands may be NULL (then the action stands alone, as --configure --pending). */
int apt_dpkg (AptDpkg *dpkg, const char *const *options, GPtrArray *operands);
/* Operands for packages: their names, or their archives as dpkg sees them (NULL with error). */
GPtrArray *apt_dpkg_names (GPtrArray *packages);
GPtrArray *apt_dpkg_archives (AptDpkg *dpkg, GPtrArray *packages);
