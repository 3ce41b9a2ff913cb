/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "apt.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* What of the host's own apt configuration is honoured: how to reach mirrors and whether old metadata is
 * accepted. It decides what may be fetched, never what the image holds. */
static gboolean
is_honoured (const char *line)
{
  static const char *const prefixes[] = {
      "Acquire::Check-Valid-Until ", "Acquire::Check-Date ",     "Acquire::http::Proxy",
      "Acquire::https::Proxy",       "Acquire::ftp::Proxy",      "Acquire::https::CaInfo",
      "Acquire::Retries ",           "Acquire::ForceIPv4 ",      "Acquire::ForceIPv6 ",
      "Acquire::http::Timeout ",     "Acquire::https::Timeout ",
  };
  for (gsize i = 0; i < G_N_ELEMENTS (prefixes); i++)
    if (g_str_has_prefix (line, prefixes[i]))
      return TRUE;
  return FALSE;
}

static int
collect_host_setting (void *user, int stream, const char *line)
{
  if (stream == 1 && is_honoured (line))
    g_string_append_printf (user, "%s\n", line);
  return 0;
}

static int
add_host_settings (Call *call, GString *conf)
{
  const char *argv[] = {"apt-config", "dump", NULL};
  struct vmforge_program program = {
      .size = sizeof program, .argv = argv, .line = collect_host_setting, .user = conf};
  return pkg_run (call, &program, NULL, VMFORGE_PLUGIN_ENVIRONMENT, "'apt-config dump'");
}

static void
add_setting (GString *conf, const char *key, const char *value)
{
  g_string_append_printf (conf, "%s \"%s\";\n", key, value);
}

static void
add_paths (GString *conf, const AptConfig *config)
{
  /* Emptied or pointed elsewhere, so that no file of the host's apt takes part. */
  static const char *const unused[] = {
      "Dir::Etc::main",
      "Dir::Etc::parts",
      "Dir::Etc::sourceparts",
      "Dir::Etc::trusted",
      "Dir::Etc::trustedparts",
      "Dir::Etc::preferences",
      "Dir::Etc::preferencesparts",
      "Dir::State::extended_states",
      "Dir::State::cdroms",
      "Dir::Log",
  };
  for (gsize i = 0; i < G_N_ELEMENTS (unused); i++)
    add_setting (conf, unused[i], "/dev/null");
  g_autofree char *sources = pkg_memfd_path (config->sources_fd);
  add_setting (conf, "Dir::Etc::sourcelist", sources);
  add_setting (conf, "Dir::State::status", config->status);
  add_setting (conf, "Dir::State::lists", config->lists);
  add_setting (conf, "Dir::State", config->lists);
  add_setting (conf, "Dir::Cache", config->lists);
  add_setting (conf, "Dir::Cache::archives", config->lists);
  add_setting (conf, "Dir::Cache::pkgcache", "");
  add_setting (conf, "Dir::Cache::srcpkgcache", "");
  add_setting (conf, "Dir::Etc::netrc", "/etc/apt/auth.conf");
  add_setting (conf, "Dir::Etc::netrcparts", "/etc/apt/auth.conf.d");
}

static void
add_behaviour (GString *conf, const Apt *apt)
{
  add_setting (conf, "APT::Architecture", apt->package_arch);
  g_string_append_printf (conf, "APT::Architectures { \"%s\"; };\n", apt->package_arch);
  add_setting (conf, "APT::Install-Recommends", "false");
  add_setting (conf, "APT::Install-Suggests", "false");
  add_setting (conf, "APT::Cmd::Pattern-Only", "true"); /* a name with '.' or '+' is no regular expression */
  add_setting (conf, "APT::Get::Assume-Yes", "true");
  add_setting (conf, "APT::Get::AllowUnauthenticated", "false");
  add_setting (conf, "Acquire::AllowInsecureRepositories", "false");
  add_setting (conf, "APT::Update::Error-Mode", "any");
  add_setting (conf, "APT::Sandbox::User", "root");
  add_setting (conf, "APT::Color", "false");
  add_setting (conf, "Acquire::Languages", "none");
  add_setting (conf, "Acquire::GzipIndexes", "false");
  add_setting (conf, "Debug::NoLocking",
               "true"); /* lists are locked by the plugin, for as long as it needs */
}

static char *
make_lists_folder (Call *call, const Apt *apt, const char *sources)
{
  g_autofree char *digest = g_compute_checksum_for_string (G_CHECKSUM_SHA256, sources, -1);
  g_autofree char *path = g_strdup_printf ("%s/lists-%s-%.16s", apt->cache_path, apt->package_arch, digest);
  g_autofree char *partial = g_build_filename (path, "partial", NULL);
  if (g_mkdir_with_parents (partial, 0755) < 0) {
    pkg_fail (call, VMFORGE_PLUGIN_ENVIRONMENT, "cannot make '%s': %s", partial, g_strerror (errno));
    return NULL;
  }
  return g_steal_pointer (&path);
}

static char *
make_temporary_folder (Call *call, const char *lists)
{
  g_autofree char *path = g_strconcat (lists, PKG_TEMPORARY, NULL);
  if (g_mkdir_with_parents (path, 0700) == 0)
    return g_steal_pointer (&path);
  pkg_fail (call, VMFORGE_PLUGIN_ENVIRONMENT, "cannot make '%s': %s", path, g_strerror (errno));
  return NULL;
}

/* apt wants the status in a file with a path. One file serves all: it is used under the exclusive lock of the
 * lists, and the next run writes it anew. */
static char *
write_status (Call *call, const Apt *apt, const char *status)
{
  if (*status == '\0')
    return g_strdup ("/dev/null");
  g_autofree char *path = g_build_filename (apt->cache_path, "status", NULL);
  g_autoptr (GError) failure = NULL;
  (void)unlink (path); /* written in place, GLib would leave the end of a longer one */
  if (g_file_set_contents_full (path, status, -1, G_FILE_SET_CONTENTS_NONE, 0644, &failure))
    return g_steal_pointer (&path);
  pkg_fail (call, VMFORGE_PLUGIN_ENVIRONMENT, "%s", failure->message);
  return NULL;
}

/* apt splits the paths of keys at blanks and commas, quoted or not, so it reaches them by a descriptor. */
static int
open_keys (Call *call, const Apt *apt)
{
  g_autofree char *path = g_build_filename (apt->cache_path, APT_KEYS_FOLDER, NULL);
  int fd = g_mkdir_with_parents (path, 0755) < 0 ? -1 : open (path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    pkg_fail (call, VMFORGE_PLUGIN_ENVIRONMENT, "cannot open '%s': %s", path, g_strerror (errno));
  return fd;
}

static int
write_sources (const char *sources, int keys_fd)
{
  g_auto (GStrv) parts = g_strsplit (sources, "signed-by=" APT_KEYS_INSIDE, -1);
  g_autofree char *folder = pkg_memfd_path (keys_fd);
  g_autofree char *option = g_strdup_printf ("signed-by=%s/", folder);
  g_autofree char *text = g_strjoinv (option, parts);
  return pkg_memfd ("sources.list", text);
}

AptConfig *
apt_config_new (Call *call, const Apt *apt, const char *sources, const char *status)
{
  g_autoptr (AptConfig) config = g_new0 (AptConfig, 1);
  config->conf_fd = config->sources_fd = -1;
  config->keys_fd = open_keys (call, apt);
  if (config->keys_fd < 0)
    return NULL;
  config->sources_fd = write_sources (sources, config->keys_fd);
  config->lists = make_lists_folder (call, apt, sources);
  config->temporary = config->lists == NULL ? NULL : make_temporary_folder (call, config->lists);
  config->status = config->temporary == NULL ? NULL : write_status (call, apt, status);
  if (config->status == NULL)
    return NULL;
  g_autoptr (GString) conf = g_string_new (NULL);
  if (add_host_settings (call, conf) < 0)
    return NULL;
  add_paths (conf, config);
  add_behaviour (conf, apt);
  config->conf_fd = pkg_memfd ("apt.conf", conf->str);
  if (config->sources_fd < 0 || config->conf_fd < 0) {
    pkg_fail (call, VMFORGE_PLUGIN_ENVIRONMENT, "cannot make a file in memory: %s", g_strerror (errno));
    return NULL;
  }
  g_autofree char *path = pkg_memfd_path (config->conf_fd);
  config->env = g_strconcat ("APT_CONFIG=", path, NULL);
  return g_steal_pointer (&config);
}

static int
add_line (void *user, int stream, const char *line)
{
  apt_lines_add (user, stream, line);
  return 0;
}

int
apt_config_run (Call *call, const AptConfig *config, const char *const *argv, AptLines *lines)
{
  g_autofree char *temporary = g_strconcat ("TMPDIR=", config->temporary, NULL);
  const char *env[] = {config->env, temporary, NULL};
  struct vmforge_program program = {
      .size = sizeof program, .argv = argv, .env = env, .line = add_line, .user = lines};
  return call->host->run (call, &program);
}

void
apt_config_free (AptConfig *config)
{
  if (config == NULL)
    return;
  int fds[] = {config->conf_fd, config->sources_fd, config->keys_fd};
  for (gsize i = 0; i < G_N_ELEMENTS (fds); i++)
    if (fds[i] >= 0)
      close (fds[i]);
  g_free (config->lists);
  g_free (config->status);
  g_free (config->env);
  g_free (config->temporary);
  g_free (config);
}
