/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Programs of the image run in the sandbox and nowhere else. The kernel asks a watcher before it starts a
 * program of the root filesystem (fanotify), and the watcher looks at the namespaces of whoever wants to. */
#include "check/package-fixture.h"
#include "check/suites.h"
#include "support/error.h"
#include "support/fd.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* What the watcher tells, in memory that both see. */
typedef struct {
  guint started;
  guint outside;
  char first[256]; /* the program that was started outside */
} Report;

/* The inode number of a namespace; 0 if the process is gone. */
static guint64
namespace_of (pid_t pid, const char *name)
{
  struct stat status;
  g_autofree char *path = g_strdup_printf ("/proc/%d/ns/%s", (int)pid, name);
  return stat (path, &status) < 0 ? 0 : (guint64)status.st_ino;
}

static void
look (const struct fanotify_event_metadata *event, Report *report)
{
  report->started++;
  guint64 network = namespace_of (event->pid, "net");
  if (network == 0 || network != namespace_of (getpid (), "net"))
    return;
  g_autofree char *link = g_strdup_printf ("/proc/self/fd/%d", event->fd);
  g_autofree char *path = g_file_read_link (link, NULL);
  if (report->outside++ == 0)
    g_strlcpy (report->first, path ? path : "?", sizeof report->first);
}

static void
watch (int fd, Report *report)
{
  char room[4096] __attribute__ ((aligned (8)));
  ssize_t length;
  while ((length = read (fd, room, sizeof room)) > 0) {
    struct fanotify_event_metadata *event = (struct fanotify_event_metadata *)room;
    for (; FAN_EVENT_OK (event, length); event = FAN_EVENT_NEXT (event, length)) {
      struct fanotify_response answer = {event->fd, FAN_ALLOW};
      look (event, report);
      if (write (fd, &answer, sizeof answer) != sizeof answer)
        return;
      close (event->fd);
    }
  }
}

/* Starts the watcher, which dies with us. 0 where the kernel cannot: errno says why. */
static pid_t
start_watcher (const char *path, Report *report)
{
  vf_autofd int fd = fanotify_init (FAN_CLASS_CONTENT | FAN_CLOEXEC, O_RDONLY | O_CLOEXEC);
  if (fd < 0 ||
      fanotify_mark (fd, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_OPEN_EXEC_PERM, AT_FDCWD, path) < 0)
    return 0;
  pid_t pid = fork ();
  if (pid == 0) {
    watch (fd, report);
    _exit (0);
  }
  return MAX (pid, 0);
}

gboolean
vf_check_package_scripts (VfCheck *check, GError **error)
{
  g_autoptr (VfCheckOrder) order = vf_check_order_new (check, error);
  g_autoptr (VfBackend) backend = order ? vf_check_order_begin (order, error) : NULL;
  g_autoptr (VfCheckRoot) root = backend ? vf_check_root_new (order, order->spec->disk_size, error) : NULL;
  if (!root)
    return FALSE;
  Report *report = mmap (NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  pid_t watcher = report == MAP_FAILED ? 0 : start_watcher (root->root->path, report);
  if (watcher == 0)
    return vf_check_skip (check, "this kernel cannot watch programs start: %s", g_strerror (errno));
  gboolean done = vf_check_root_install (root, order, backend, 0, error);
  kill (watcher, SIGKILL);
  waitpid (watcher, NULL, 0);
  if (!done)
    return FALSE;
  if (report->outside > 0)
    return vf_check_fail (check, error, "install",
                          "'%s' of the image was run outside of the sandbox, as were %u more", report->first,
                          report->outside - 1);
  if (report->started == 0)
    return vf_check_skip (check, "no program of the image ran: nothing was seen");
  return vf_check_note (check, "%u programs of the image ran", report->started);
}
