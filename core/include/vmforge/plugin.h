/* SPDX-License-Identifier: 0BSD */
/* Copyright (C) 2026 The vmforge authors */

/* The interface between vmforge and its plugins. Standard C only: it compiles alone, as C11 and as C++17.
 * docs/plugin-guide.md is the tutorial; vmforge-plugin(3) the summary; `vmforge plugins new` writes a project
 * to begin with, and `vmforge plugins check` tells whether a plugin keeps to what is said here.
 *
 * A plugin is a shared object vmforge-NAME.so that exports one constant data symbol, `vmforge_plugin`
 * (see VMFORGE_PLUGIN below). The life of a plugin:
 *
 *   ELF file read ─▶ ABI, sizes, kind checked ─▶ dlopen ─▶ open() ─▶ callbacks … ─▶ close()
 *   (no plugin code has run until here)                      └─ handle: all state lives there ─┘
 *
 * and of one call:
 *
 *   engine ─ callback (handle, call, …) ─▶ plugin ─ call->host->… (call, …) ─▶ engine
 *                 0 done, -1 failed ◀──────┘          errors, progress, programs, results
 *
 * General rules, which the members below do not repeat:
 *  - A callback returns 0, or -1 after exactly one call of host->error.
 *  - When a host function fails, its error is already set: return -1 without another. A callback that
 *    returns 0 all the same has recovered from it. After host->error a callback has failed, whatever it
 *    returns.
 *  - Strings are UTF-8 and NUL terminated. What the engine passes in belongs to the engine and lives until
 *    the callback returns; what the plugin passes to the host is copied before the host function returns.
 *    Nothing is ever freed by the other side.
 *  - One handle is used by one thread at a time. Several handles may be in use at once, in several threads
 *    and processes, on the same store, so a plugin has no writable global state.
 *  - A plugin starts no threads (transports excepted), changes no signal handlers, working folder or umask,
 * writes nothing to standard output or error, never exits, and leaves no descriptor, memory or process behind
 * that its handle does not own. The process may be killed at any moment: what is half made is never listed
 * later, or can be removed.
 *  - Sizes and offsets are in bytes. Digests are SHA-256 in lower-case hexadecimal (64 characters).
 *  - Structs begin with their size, but for vmforge_call, vmforge_parameter and vmforge_plugin. The engine
 * may pass a larger one than the plugin knows (read only what you know) or, from an older engine, a smaller
 * one (members beyond `size` are absent: treat them as 0).
 *  - A member that is absent (NULL) has the default that is documented beside it; MANDATORY ones have none.
 *  - Everything here is there since ABI 0 where it does not say otherwise. New members come at the end.
 */
#ifndef VMFORGE_PLUGIN_H
#define VMFORGE_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The ABI number. While it is 0, nothing is promised between releases. */
#define VMFORGE_PLUGIN_ABI 0

#if defined(__GNUC__) || defined(__clang__)
#define VMFORGE_PLUGIN_EXPORT       __attribute__ ((visibility ("default")))
#define VMFORGE_PLUGIN_PRINTF(f, a) __attribute__ ((format (printf, f, a)))
#else
#define VMFORGE_PLUGIN_EXPORT
#define VMFORGE_PLUGIN_PRINTF(f, a)
#endif

struct vmforge_call;

enum vmforge_plugin_kind {
  VMFORGE_PLUGIN_PACKAGE = 1,
  VMFORGE_PLUGIN_STORAGE = 2,
  VMFORGE_PLUGIN_TRANSPORT = 3,
};

/* What kind of failure an error is; it decides the exit status of the program. */
enum vmforge_plugin_error {
  VMFORGE_PLUGIN_FAILED = 1,      /* the work failed: exit status 1 */
  VMFORGE_PLUGIN_INVALID = 2,     /* what the user wrote is wrong: exit status 2 */
  VMFORGE_PLUGIN_ENVIRONMENT = 3, /* this machine lacks something: exit status 3 */
  VMFORGE_PLUGIN_CANCELLED = 4,   /* the user stopped it: exit status 130 */
  VMFORGE_PLUGIN_NO_SPACE = 5,    /* a disk is full: exit status 1, and the engine says which */
};

enum vmforge_log_level {
  VMFORGE_LOG_WARNING = 1, /* something that the user should know; ends in the summary of the build */
  VMFORGE_LOG_INFO = 2,    /* the log of the stage */
  VMFORGE_LOG_DEBUG = 3,   /* only with VMFORGE_DEBUG in the environment */
};

/* A program to run, always from an argument vector, never through a shell. */
struct vmforge_program {
  uint32_t size;           /* sizeof (struct vmforge_program) */
  uint32_t flags;          /* none yet: 0 */
  const char *const *argv; /* NULL terminated; argv[0] is looked up in a fixed system PATH */
  const char *const *env;  /* NAME=VALUE to add to a minimal environment; NULL: none */
  const char *cwd;         /* NULL: / */
  const char *input;       /* text for its standard input; NULL: /dev/null */
  int status_fd;           /* descriptor number that the program sees as its status pipe; 0: none */
  /* Called for each line that the program writes: stream 1 standard output, 2 standard error, or status_fd.
   * NULL: lines of 1 and 2 go to the log. A return other than 0 stops the program and fails the run. */
  int (*line) (void *user, int stream, const char *line);
  void *user;
};

/* How a program runs inside the root filesystem of a volume. Nothing in it reaches the host: own mount, pid,
 * ipc, uts and network namespaces, a private /dev, a listed set of capabilities. */
struct vmforge_sandbox {
  uint32_t size;  /* sizeof (struct vmforge_sandbox) */
  uint32_t flags; /* none yet: 0 */
  /* Pairs SOURCE, TARGET, …, NULL: a file or folder of the host that appears, read-only, at the absolute path
   * TARGET inside while the program runs. TARGET's place is made below /dev, /run or /tmp, or must exist. */
  const char *const *binds;
};

/* One package, as resolved or as installed. `id` is what tells two packages of one root filesystem apart. */
struct vmforge_package {
  uint32_t size;  /* sizeof (struct vmforge_package) */
  uint32_t flags; /* VMFORGE_PACKAGE_… */
  const char *id; /* for apt: the name */
  const char *name;
  const char *version;     /* in the form of the distribution, epoch and release included */
  const char *arch;        /* the distribution's own word */
  const char *digest;      /* of the archive file; NULL where only installed packages are listed */
  const char *url;         /* its origin: where the archive comes from, without credentials; NULL likewise */
  uint64_t download_size;  /* of the archive file */
  uint64_t installed_size; /* estimate */
  /* Opaque text of the plugin's own, at most 64 KiB; kept with the resolution and handed back to the plugin.
   * It must be a function of the archive (its digest is part of the key). NULL: none. */
  const char *data;
};
/* In a resolution: this installed package goes away. Its version and arch may be "", digest and url NULL. */
#define VMFORGE_PACKAGE_REMOVE UINT32_C (1)

/* A source of packages beside those of the profile, as a spec's `repositories` gives it. */
struct vmforge_repository {
  uint32_t size;
  uint32_t flags;
  const char *url;
  const char *suite;             /* deb: suite, or a path that ends in / ; rpm: NULL */
  const char *const *components; /* NULL terminated; may be NULL */
  const char *key_path;          /* file on the host with the OpenPGP public keys that sign it */
  const char *key_digest;        /* SHA-256 of that file */
  const char *name;              /* a name for the files that the image keeps: [a-z0-9-]+ */
};

/* One volume as list() reports it. */
struct vmforge_volume {
  uint32_t size;
  uint32_t flags;     /* VMFORGE_VOLUME_… */
  const char *id;     /* 32 lower-case hexadecimal characters, chosen by the engine */
  uint64_t bytes;     /* size of the virtual disk */
  uint64_t allocated; /* bytes that it occupies, shared ones included; 0: unknown */
};
#define VMFORGE_VOLUME_SEALED UINT32_C (1)

enum vmforge_extent_state {
  VMFORGE_EXTENT_HOLE = 0,    /* extents(): reads as zeros */
  VMFORGE_EXTENT_DATA = 1,    /* extents(): may hold data */
  VMFORGE_EXTENT_SAME = 2,    /* differences(): equal, proven */
  VMFORGE_EXTENT_CHANGED = 3, /* differences(): may differ */
  VMFORGE_EXTENT_UNKNOWN = 4, /* differences(): nothing is known; the engine compares */
};

enum vmforge_artefact_kind {
  VMFORGE_ARTEFACT_BIOS_BOOT = 1, /* the boot sector (first 440 bytes are used) */
  VMFORGE_ARTEFACT_BIOS_CORE = 2, /* GRUB's core image for the BIOS boot partition */
  VMFORGE_ARTEFACT_EFI_FILE = 3,  /* a file of the EFI system partition */
};

struct vmforge_exchange;

/* The functions that the engine offers. Every one takes the call that the callback was given, and may be used
 * only by the thread that runs the callback and until it returns. */
struct vmforge_host {
  uint32_t size;
  uint32_t abi;
  /* Says why the callback fails; one line, no final stop, which names what the user wrote and what to do. */
  void (*error) (struct vmforge_call *call, enum vmforge_plugin_error code, const char *format, ...)
      VMFORGE_PLUGIN_PRINTF (3, 4);
  void (*log) (struct vmforge_call *call, enum vmforge_log_level level, const char *format, ...)
      VMFORGE_PLUGIN_PRINTF (3, 4);
  /* fraction: 0.0 … 1.0 of this callback's work, or negative where unknown. what: a few words, or NULL. */
  void (*progress) (struct vmforge_call *call, double fraction, const char *what);
  /* 1 once the user asked to stop: return -1 soon, without error(). Programs are stopped by the engine. */
  int (*cancelled) (struct vmforge_call *call);
  /* Runs a program on the host and waits for it. Returns its exit status (0 … 255), 128 + N for signal N, or
   * -1 with the error already set (absent program, cancelled, line() refused). */
  int (*run) (struct vmforge_call *call, const struct vmforge_program *program);
  /* The same inside the root filesystem. Only in install, boot, manifest. sandbox may be NULL. */
  int (*run_in_root) (struct vmforge_call *call, const struct vmforge_program *program,
                      const struct vmforge_sandbox *sandbox);
  /* The path of the cached file with this digest, or NULL; valid until the callback returns. */
  const char *(*cache_find) (struct vmforge_call *call, const char *digest);
  /* Moves the file at path (on the filesystem of the plugin's cache folder) into the cache after verifying
   * its digest; -1 with the error set where it differs. */
  int (*cache_add) (struct vmforge_call *call, const char *path, const char *digest);
  /* Results, one call each. */
  int (*emit_package) (struct vmforge_call *call, const struct vmforge_package *package);
  int (*emit_volume) (struct vmforge_call *call, const struct vmforge_volume *volume);
  int (*emit_extent) (struct vmforge_call *call, uint64_t offset, uint64_t length,
                      enum vmforge_extent_state state);
  /* path: inside the root filesystem. target: for EFI_FILE, the path in the EFI system partition. */
  int (*emit_artefact) (struct vmforge_call *call, enum vmforge_artefact_kind kind, const char *path,
                        const char *target);
  /* For transports, and other plugins have none of it; NULL elsewhere. */
  const struct vmforge_exchange *exchange;
};

/* The call in progress. Plugins never make one, but a fake host in a test does. */
struct vmforge_call {
  const struct vmforge_host *host;
};

/* A parameter that the user may give (`--storage NAME:key=value`). */
struct vmforge_parameter {
  const char *name;     /* NULL ends the table */
  const char *type;     /* "string", "size", "bool", "path" */
  const char *fallback; /* shown as the default; NULL: none */
  const char *help;
};

/* ---- storage ------------------------------------------------------------------------------------------ */

struct vmforge_storage_config {
  uint32_t size;
  uint32_t flags;         /* none yet: 0 */
  const char *store_path; /* absolute path of the store */
  const char *store_id;   /* 32 hexadecimal characters */
  /* NAME, VALUE, NAME, VALUE, …, NULL: those that the user gave, checked against the plugin's `parameters` by
   * the engine and in one form: sizes in bytes, bools as true or false, paths absolute. */
  const char *const *parameters;
};

/* Space of the place where volumes live. */
struct vmforge_capacity {
  uint32_t size;
  uint32_t flags;
  uint64_t total;
  uint64_t available; /* what new blocks can still take before writes fail */
};

#define VMFORGE_MAP_READ_ONLY UINT32_C (1)
#define VMFORGE_PATH_MAX      4096

struct vmforge_storage {
  uint32_t size;
  uint32_t flags; /* none yet: 0 */
  /* MANDATORY. Makes what it needs below the store or finds it, under a name that is not one of the engine's
   * (docs/store.md lists those). After a failure close() is not called. */
  int (*open) (struct vmforge_call *call, const struct vmforge_storage_config *config, void **handle);
  /* MANDATORY. Volumes that are mapped stay so; nothing is removed. */
  void (*close) (void *handle);
  /* For volumes that are regular files: writes the absolute path of the folder that holds them
   * (VMFORGE_PATH_MAX bytes of room). Every callback down to extents then has a default that works on the
   * file ID.raw there: sparse, without write permission once sealed, named when it is whole, cloned by
   * reference where the filesystem can and by a copy elsewhere. Default: none, and those that say so are
   * MANDATORY. */
  int (*folder) (void *handle, struct vmforge_call *call, char *path);
  /* MANDATORY without folder. A new writable volume that reads as zeros. */
  int (*create) (void *handle, struct vmforge_call *call, const char *id, uint64_t bytes);
  /* MANDATORY without folder. A new writable volume with the content of the sealed volume `parent`. */
  int (*clone) (void *handle, struct vmforge_call *call, const char *id, const char *parent);
  /* MANDATORY without folder. Makes the volume reachable as a regular file or block device and writes its
   * path (VMFORGE_PATH_MAX bytes of room). A sealed volume can be mapped read-only alone. */
  int (*map) (void *handle, struct vmforge_call *call, const char *id, uint32_t flags, char *path);
  /* The reverse, once however often it was mapped since. Default: nothing to do. */
  int (*unmap) (void *handle, struct vmforge_call *call, const char *id);
  /* MANDATORY without folder. Makes a writable volume larger; new bytes read as zeros. */
  int (*grow) (void *handle, struct vmforge_call *call, const char *id, uint64_t bytes);
  /* MANDATORY without folder. Everything written is on stable storage, and the volume read-only from now on.
   */
  int (*seal) (void *handle, struct vmforge_call *call, const char *id);
  /* MANDATORY without folder. Removes a volume in whatever state; one that does not exist is no error. Its
   * space is free for others after close() at the latest. */
  int (*remove) (void *handle, struct vmforge_call *call, const char *id);
  /* MANDATORY without folder. Emits every volume (emit_volume) that this store made. */
  int (*list) (void *handle, struct vmforge_call *call);
  /* Emits the ranges of a volume in ascending order (HOLE, DATA). Default: all DATA, or with folder
   * what the filesystem knows. */
  int (*extents) (void *handle, struct vmforge_call *call, const char *id);
  /* Emits SAME, CHANGED, UNKNOWN ranges of b against a, both sealed; ascending, whole volume b. A range may
   * be reported as CHANGED that is not, never the reverse. Beyond the end of a shorter a, b is compared with
   * zeros. Default: all UNKNOWN. */
  int (*differences) (void *handle, struct vmforge_call *call, const char *a, const char *b);
  /* Where nothing can be written any more it may instead fail with VMFORGE_PLUGIN_NO_SPACE, and say what to
   * do. Default: unknown, nothing is checked. */
  int (*capacity) (void *handle, struct vmforge_call *call, struct vmforge_capacity *capacity);
  /* Ends what outlives a run (mounts, active devices), for `vmforge store umount`. The handle is only closed
   * after it. Default: nothing. */
  int (*deactivate) (void *handle, struct vmforge_call *call);
  /* Whether, on this machine, clone() takes the same time and space for a volume of any size: *answer is 1,
   * or 0 where it copies. Default: 0. */
  int (*can_snapshot) (void *handle, struct vmforge_call *call, int *answer);
  /* The unit in which differences() sees changes, a power of two from 512 to 16 MiB: a range may be CHANGED
   * because of one byte in its unit. Default: 4096. */
  int (*granularity) (void *handle, struct vmforge_call *call, uint64_t *bytes);
  /* What was written to the mapped volume so far is on stable storage. Default: fsync of what map() gave. */
  int (*sync) (void *handle, struct vmforge_call *call, const char *id);
  /* The range of a writable volume, in units of 4096 bytes, reads as zeros from now on, and takes no space
   * where the storage can give it back. Default: a hole is punched through what map() gave. */
  int (*discard) (void *handle, struct vmforge_call *call, const char *id, uint64_t offset, uint64_t length);
  /* Writes what tells where its volumes are (VMFORGE_PATH_MAX bytes of room): settings that have the same are
   * one storage. Default: the folder, or else all parameters. */
  int (*place) (void *handle, struct vmforge_call *call, char *text);
  /* The volume with this id, which is made next, is for the stage with this key: for people who look at the
   * storage. Default: nothing. */
  int (*label) (void *handle, struct vmforge_call *call, const char *id, const char *key);
};

/* ---- package ------------------------------------------------------------------------------------------ */

struct vmforge_package_config {
  uint32_t size;
  uint32_t flags;      /* VMFORGE_CONFIG_… */
  const char *profile; /* JSON: the profile, cut down to the release and architecture */
  const char *release;
  const char *arch;           /* vmforge's word: x86_64, i386, aarch64 */
  const char *cache_path;     /* folder of the plugin's own, beside the package cache and on its filesystem */
  const char *const *mirrors; /* the user's `mirrors:`, NULL terminated; NULL: the plugin's default */
};
#define VMFORGE_CONFIG_OFFLINE UINT32_C (1) /* nothing may be fetched */

/* What a stage asks for. */
struct vmforge_package_request {
  uint32_t size;
  uint32_t flags;                                       /* VMFORGE_REQUEST_… */
  const struct vmforge_repository *const *repositories; /* of this stage and those below; NULL terminated */
  const char *const *install;                           /* names as the spec gives them; NULL terminated */
  const char *const *remove;                            /* likewise */
  const struct vmforge_package *const *installed;       /* what the stages below hold; NULL terminated */
};
#define VMFORGE_REQUEST_BOOTSTRAP UINT32_C (1) /* nothing is installed: add what the distribution needs */
/* In refresh: what metadata is there is recent enough; bring only what is not there. */
#define VMFORGE_REQUEST_RECENT UINT32_C (2)

/* The root filesystem of the volume under construction. */
struct vmforge_root {
  uint32_t size;
  uint32_t flags;
  const char *path; /* mount point, in a mount namespace that ends with the worker */
  int fd;           /* open on it (O_PATH) */
};

#define VMFORGE_FIRMWARE_BIOS UINT32_C (1)
#define VMFORGE_FIRMWARE_UEFI UINT32_C (2)

struct vmforge_boot_request {
  uint32_t size;
  uint32_t firmware;                   /* VMFORGE_FIRMWARE_… */
  const char *filesystem;              /* type of the root filesystem */
  const char *root_uuid;               /* of the root filesystem */
  const char *esp_uuid;                /* of the EFI system partition as fstab writes it (1234-ABCD) */
  const char *const *kernel_arguments; /* the whole command line but root= and ro; NULL terminated */
  uint32_t flags;                      /* VMFORGE_BOOT_… */
  uint32_t reserved;
};
/* The user placed files that the initial RAM filesystem is made of: make it anew. */
#define VMFORGE_BOOT_INITRAMFS UINT32_C (1)

struct vmforge_package_backend {
  uint32_t size;
  uint32_t flags;
  /* Raised when the same packages would give another root filesystem: part of every stage key. */
  uint32_t cache_version;
  uint32_t reserved;
  /* MANDATORY. */
  int (*open) (struct vmforge_call *call, const struct vmforge_package_config *config, void **handle);
  /* MANDATORY. */
  void (*close) (void *handle);
  /* MANDATORY. Brings the metadata of all sources up to date (conditional requests), verified, and writes a
   * digest that changes when, and only when, that metadata or the place it comes from does (65 bytes of
   * room). */
  int (*refresh) (void *handle, struct vmforge_call *call, const struct vmforge_package_request *request,
                  char *snapshot);
  /* MANDATORY. Emits what must be installed (emit_package) over `installed`, from the metadata that refresh
   * brought, and with VMFORGE_PACKAGE_REMOVE what request->remove takes away; changes nothing. Names that no
   * source has are errors that quote them. */
  int (*resolve) (void *handle, struct vmforge_call *call, const struct vmforge_package_request *request);
  /* MANDATORY. Brings exactly these packages (NULL terminated) into the cache, verified. */
  int (*fetch) (void *handle, struct vmforge_call *call, const struct vmforge_package *const *packages);
  /* MANDATORY. Installs exactly these packages (NULL terminated) from the cache, offline, and removes those
   * so flagged. */
  int (*install) (void *handle, struct vmforge_call *call, const struct vmforge_root *root,
                  const struct vmforge_package_request *request,
                  const struct vmforge_package *const *packages);
  /* MANDATORY. Emits every package installed in the root filesystem, from its own database. */
  int (*manifest) (void *handle, struct vmforge_call *call, const struct vmforge_root *root);
  /* MANDATORY. Makes boot loader configuration and artefacts (emit_artefact) inside the root filesystem. */
  int (*boot) (void *handle, struct vmforge_call *call, const struct vmforge_root *root,
               const struct vmforge_boot_request *request);
  /* Programs of the host that write into the root filesystem: what each says to --version is part of the key
   * of Core; one that is absent is left out. NULL terminated. Default: none. */
  const char *const *tools;
  /* Writes when the newest of these packages (NULL terminated, at least one, all in the cache) was built, in
   * seconds since 1970: a function of their archives alone, not before the time of any file that they bring.
   * The stage is then dated by it, which makes its content a function of its key. Default: unknown, and such
   * a stage is dated by the clock. */
  int (*build_time) (void *handle, struct vmforge_call *call, const struct vmforge_package *const *packages,
                     int64_t *seconds);
  /* When the newest of the metadata that refresh brought for this request were made, as they themselves say:
   * *seconds since 1970, or 0 where nothing says so. A lock file keeps it. Default: 0. */
  int (*metadata_date) (void *handle, struct vmforge_call *call,
                        const struct vmforge_package_request *request, int64_t *seconds);
};

/* ---- transport ---------------------------------------------------------------------------------------- */

/* Blocks have 4096 bytes, the last one of a disk is filled up with zeros. Their hashes are SHA-256 (32
 * bytes), and 32 zeros for a block of zeros; docs/block-index.md describes the tree of them and its root. */
#define VMFORGE_BLOCK_BYTES 4096
#define VMFORGE_HASH_BYTES  32

/* The content of one image or stage of this store: its blocks may be read, and copied into what is received.
 */
struct vmforge_content {
  uint32_t size;
  uint32_t flags;      /* none yet: 0 */
  uint64_t bytes;      /* of the virtual disk */
  const uint8_t *root; /* of its block index, VMFORGE_HASH_BYTES */
};

/* Where a block is. */
struct vmforge_place {
  uint32_t content; /* index into what contents() gave */
  uint32_t reserved;
  uint64_t block;
};

/* What a transfer has cost so far. */
struct vmforge_transfer {
  uint32_t size;
  uint32_t flags;         /* none yet: 0 */
  uint64_t image_bytes;   /* of the disk */
  uint64_t planned_bytes; /* of it, what has to travel as far as is known yet */
  uint64_t moved_bytes;   /* of planned_bytes, what has travelled */
  uint64_t wire_bytes;    /* that travelled in both directions, all included */
  uint64_t index_bytes;   /* of wire_bytes: all but the blocks themselves: hashes, and what lies where */
};

#define VMFORGE_NO_CONTENT UINT32_MAX

enum vmforge_offer_answer {
  VMFORGE_OFFER_WANTED = 1, /* go on with target_open */
  VMFORGE_OFFER_THERE = 2,  /* the store has this content: the image was published, nothing is to be sent */
};

/* What the engine does for a transport. A transport may start threads, which end before its callback returns;
 * all of this, and host->error, log, progress and cancelled, may be used by any of them at once. */
struct vmforge_exchange {
  uint32_t size;
  uint32_t flags; /* none yet: 0 */
  /* Everything of this store that the peer may have blocks of, most recently used first. What is written to
   * *contents stays until the callback returns. */
  int (*contents) (struct vmforge_call *call, const struct vmforge_content **contents, uint32_t *count);
  /* A page (VMFORGE_BLOCK_BYTES of room) of the block index of a content, verified up to its root; zeros for
   * one that it does not have. Level 0 are the hashes of blocks. */
  int (*read_page) (struct vmforge_call *call, uint32_t content, uint32_t level, uint64_t page, void *room);
  /* Blocks of a content, as they are on the disk: not verified. */
  int (*read_blocks) (struct vmforge_call *call, uint32_t content, uint64_t block, uint32_t count,
                      void *room);
  /* Places of blocks whose hash begins with these bytes (8 … 32), at most `room` of them, verified against
   * the block indexes. Returns how many, or -1. */
  int (*find_block) (struct vmforge_call *call, const uint8_t *hash, uint32_t hash_bytes,
                     struct vmforge_place *places, uint32_t room);

  /* Receiving: what the sender's offer (opaque, at most VMFORGE_OFFER_MAX bytes) says is judged, its
   * signatures included. */
  int (*offer) (struct vmforge_call *call, const void *offer, size_t length,
                enum vmforge_offer_answer *answer);
  /* 1: a transfer of the same image was interrupted; what was received then is there if target_open is given
   * *base, the content (or VMFORGE_NO_CONTENT) that it had begun from. 0: there is nothing yet. */
  int (*target_begun) (struct vmforge_call *call, uint32_t *base);
  /* Makes the volume that receives, with the blocks of a content, or of zeros. */
  int (*target_open) (struct vmforge_call *call, uint32_t base);
  /* Whether the target holds at this block what the hash (8 … 32 bytes of it) says: 1, 0, or -1. */
  int (*target_has) (struct vmforge_call *call, uint64_t block, const uint8_t *hash, uint32_t hash_bytes);
  /* Data of `count` blocks. */
  int (*target_write) (struct vmforge_call *call, uint64_t block, uint32_t count, const void *data);
  /* Blocks of a content, by reference where the storage can. */
  int (*target_copy) (struct vmforge_call *call, uint64_t block, uint64_t count, uint32_t content,
                      uint64_t from);
  int (*target_zero) (struct vmforge_call *call, uint64_t block, uint64_t count);
  /* All is there: compares the root with what the manifest says, seals and publishes. */
  int (*target_publish) (struct vmforge_call *call);

  /* The content of the file that read_file was asked for; once. */
  int (*file) (struct vmforge_call *call, const void *data, size_t length);
  /* Tells what the transfer has cost so far; as often as wanted. */
  void (*figures) (struct vmforge_call *call, const struct vmforge_transfer *transfer);
  /* Why the callback fails, by what failed so far: to be told to the peer, whose user is the one who waits.
   * One line, valid until the callback returns. Once it was asked for, this end tells its own user nothing.
   */
  const char *(*reason) (struct vmforge_call *call);
};
#define VMFORGE_OFFER_MAX (64u * 1024 * 1024)

struct vmforge_transport_config {
  uint32_t size;
  uint32_t flags;
  uint32_t threads; /* that are of use here; at least 1 */
  uint32_t reserved;
  const char *const *parameters; /* as in vmforge_storage_config */
};

/* A stream of bytes to the peer and one from it: pipes or sockets; may be the same descriptor. They belong to
 * the engine. */
struct vmforge_stream {
  uint32_t size;
  uint32_t flags; /* none yet: 0 */
  int input;
  int output;
};

/* What is to be sent. */
struct vmforge_shipment {
  uint32_t size;
  uint32_t flags;   /* none yet: 0 */
  uint32_t content; /* index into what contents() gives */
  uint32_t reserved;
  const void *offer;   /* opaque: for the peer's exchange->offer */
  size_t offer_length; /* bytes */
};

/* What is to be packed. */
struct vmforge_packing {
  uint32_t size;
  uint32_t flags; /* none yet: 0 */
  uint32_t content;
  uint32_t base; /* VMFORGE_NO_CONTENT: zeros */
  int output;    /* an empty file; belongs to the engine */
};

/* A file of a repository: the same below each of the URLs, which are tried in turn. */
struct vmforge_repository_file {
  uint32_t size;
  uint32_t flags;          /* none yet: 0 */
  const char *const *urls; /* of mirrors of the repository, without a slash at the end; NULL terminated */
  const char *path;        /* relative to them */
  uint64_t limit;          /* bytes */
};

/* An image of such a repository. Paths are relative to the URLs. */
struct vmforge_fetch {
  uint32_t size;
  uint32_t flags;           /* none yet: 0 */
  const char *const *urls;  /* as above */
  const char *index;        /* the block index, as docs/block-index.md has it */
  const char *const *packs; /* what pack() wrote, the last one first; NULL terminated */
  const char *disk;         /* the raw disk, or NULL */
  const uint8_t *root;      /* of the index, VMFORGE_HASH_BYTES */
  uint64_t bytes;           /* of the disk */
};

struct vmforge_transport {
  uint32_t size;
  uint32_t flags; /* none yet: 0 */
  /* MANDATORY. */
  int (*open) (struct vmforge_call *call, const struct vmforge_transport_config *config, void **handle);
  /* MANDATORY. */
  void (*close) (void *handle);
  /* MANDATORY. Sends an image to a peer that runs receive(). Done when the peer has published it. */
  int (*send) (void *handle, struct vmforge_call *call, const struct vmforge_stream *stream,
               const struct vmforge_shipment *shipment);
  /* MANDATORY. The peer is not trusted: whatever it sends, the call fails or an image is published that is
   * what its manifest says. */
  int (*receive) (void *handle, struct vmforge_call *call, const struct vmforge_stream *stream);
  /* Writes what fetch() takes instead of single blocks: those in which a content differs from another. Costs
   * what they are. Default: there are no packs. */
  int (*pack) (void *handle, struct vmforge_call *call, const struct vmforge_packing *packing);
  /* Reads a small file of a repository and hands it over (exchange->file). One that is longer than limit
   * bytes is an error. Default: images cannot be pulled. */
  int (*read_file) (void *handle, struct vmforge_call *call, const struct vmforge_repository_file *file);
  /* Fetches an image into the target, and publishes it. The offer was made already. Servers are not trusted.
   * Default: images cannot be pulled. */
  int (*fetch) (void *handle, struct vmforge_call *call, const struct vmforge_fetch *fetch);
};

/* ---- the descriptor ----------------------------------------------------------------------------------- */

struct vmforge_plugin {
  /* Plain numbers, read from the file before any code of it runs. VMFORGE_PLUGIN fills them. */
  uint32_t abi;
  uint32_t size;
  uint32_t kind;
  uint32_t table_size;
  const char *name; /* [a-z][a-z0-9-]*; the file is vmforge-NAME.so */
  const char *version;
  const char *description;                    /* one line */
  const char *license;                        /* SPDX expression; NULL: unknown */
  const struct vmforge_parameter *parameters; /* NULL: takes none */
  /* The one of this kind. */
  const struct vmforge_storage *storage;
  const struct vmforge_package_backend *package;
  const struct vmforge_transport *transport;
};

/* Defines the descriptor. Use it once:
 *   VMFORGE_PLUGIN (VMFORGE_PLUGIN_STORAGE, sizeof (struct vmforge_storage), .name = "plain", …); */
#ifdef __cplusplus
#define VMFORGE_PLUGIN_LINKAGE extern "C"
#else
#define VMFORGE_PLUGIN_LINKAGE extern
#endif
#define VMFORGE_PLUGIN(KIND, TABLE_SIZE, ...)                                                                \
  VMFORGE_PLUGIN_LINKAGE VMFORGE_PLUGIN_EXPORT const struct vmforge_plugin vmforge_plugin;                   \
  const struct vmforge_plugin vmforge_plugin = {.abi = VMFORGE_PLUGIN_ABI,                                   \
                                                .size = sizeof (struct vmforge_plugin),                      \
                                                .kind = (KIND),                                              \
                                                .table_size = (TABLE_SIZE),                                  \
                                                __VA_ARGS__}

#ifdef __cplusplus
}
#endif
#endif
