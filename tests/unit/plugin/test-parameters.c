/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* NAME:key=value,… against what a plugin declares. No plugin is loaded: a descriptor is enough. */
#include "fixture.h"

#include <string.h>

static const struct vmforge_parameter declared[] = {
    {"word", "string", NULL, "a word"},       {"bytes", "size", "1GiB", "a size"},
    {"yes", "bool", "false", "a switch"},     {"where", "path", NULL, "a path"},
    {"dead-line", "string", NULL, "another"}, {NULL, NULL, NULL, NULL},
};
static const struct vmforge_plugin descriptor = {.name = "some", .parameters = declared};
static const struct vmforge_plugin bare = {.name = "bare"};
static const VfPlugin plugin = {.name = (char *)"some", .descriptor = &descriptor};
static const VfPlugin plugin_without = {.name = (char *)"bare", .descriptor = &bare};

typedef struct {
  const char *text;
  const char *result; /* joined by |, or words of the error */
} Case;

static const Case good[] = {
    {"some", ""},
    {"some:", ""},
    {"some:bytes=1 GiB", "bytes|1073741824"},
    {"some:word=a", "word|a"},
    {"some:word=", "word|"},
    {"some:word=a=b", "word|a=b"},
    {"some:word=a:b", "word|a:b"},
    {"some:word= a b ", "word| a b "},
    {"some:bytes=1", "bytes|1"},
    {"some:bytes=2KiB", "bytes|2048"},
    {"some:bytes=20GiB", "bytes|21474836480"},
    {"some:yes=true", "yes|true"},
    {"some:yes=yes", "yes|true"},
    {"some:yes=on", "yes|true"},
    {"some:yes=1", "yes|true"},
    {"some:yes=false", "yes|false"},
    {"some:yes=no", "yes|false"},
    {"some:yes=off", "yes|false"},
    {"some:yes=0", "yes|false"},
    {"some:where=/", "where|/"},
    {"some:where=/a//b/../c/", "where|/a/c"},
    {"some:yes=on,word=x,bytes=1MiB", "yes|true|word|x|bytes|1048576"},
};

static const Case bad[] = {
    {"some:wrod=a",
     "plugin 'some' has no parameter 'wrod' (did you mean 'word'?); it takes word, bytes, yes, where, "
     "dead-line"},
    {"some:deadline=a", "has no parameter 'deadline' (did you mean 'dead-line'?)"},
    {"some:Word=a", "has no parameter 'Word'"},
    {"some:zzzzzzzz=a", "has no parameter 'zzzzzzzz'; it takes word"},
    {"some:word", "'word' is not a parameter of the form key=value of plugin 'some'"},
    {"some:=a", "'=a' is not a parameter of the form key=value"},
    {"some:word=a,", "'' is not a parameter of the form key=value"},
    {"some:word=a,,yes=on", "'' is not a parameter of the form key=value"},
    {"some:word=a,word=a", "parameter 'word' of plugin 'some' is given twice"},
    {"some:yes=on,word=a,yes=off", "parameter 'yes' of plugin 'some' is given twice"},
    {"some:bytes=", "parameter 'bytes=' of plugin 'some' must be a size such as 20GiB"},
    {"some:bytes=-1", "parameter 'bytes=-1' of plugin 'some' must be a size"},
    {"some:bytes=1.5GiB", "must be a size"},
    {"some:bytes=99999999999TiB", "must be a size"},
    {"some:yes=maybe", "parameter 'yes=maybe' of plugin 'some' must be true or false"},
    {"some:yes=", "must be true or false"},
    {"some:yes=TRUE", "must be true or false"},
    {"some:where=here", "parameter 'where=here' of plugin 'some' must be an absolute path"},
    {"some:where=", "must be an absolute path"},
};

static void
takes (gconstpointer data)
{
  const Case *this = data;
  g_auto (GStrv) words = NULL;
  GError *error = NULL;
  vf_plugin_parse_parameters (&plugin, this->text, &words, &error);
  g_assert_no_error (error);
  g_autofree char *joined = g_strjoinv ("|", words);
  g_assert_cmpstr (joined, ==, this->result);
}

static void
refuses (gconstpointer data)
{
  const Case *this = data;
  char **words = NULL;
  GError *error = NULL;
  g_assert_false (vf_plugin_parse_parameters (&plugin, this->text, &words, &error));
  g_assert_null (words);
  fixture_assert_error (&error, VMFORGE_ERROR_SPEC, this->result);
}

static void
a_plugin_without_parameters_takes_none (void)
{
  g_auto (GStrv) words = NULL;
  char **none = NULL;
  GError *error = NULL;
  g_assert_true (vf_plugin_parse_parameters (&plugin_without, "bare", &words, &error));
  g_assert_null (words[0]);
  g_assert_false (vf_plugin_parse_parameters (&plugin_without, "bare:word=a", &none, &error));
  fixture_assert_error (&error, VMFORGE_ERROR_SPEC, "plugin 'bare' has no parameter 'word'; it takes none");
}

static void
add_all (const char *name, const Case *cases, gsize n, GTestDataFunc function)
{
  for (gsize i = 0; i < n; i++) {
    g_autofree char *text = g_strdelimit (g_strdup (cases[i].text), "/", '_');
    g_autofree char *path = g_strdup_printf ("/plugin/parameters/%s/%s", name, text);
    g_test_add_data_func (path, &cases[i], function);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add_all ("takes", good, G_N_ELEMENTS (good), takes);
  add_all ("refuses", bad, G_N_ELEMENTS (bad), refuses);
  g_test_add_func ("/plugin/parameters/a_plugin_without_parameters_takes_none",
                   a_plugin_without_parameters_takes_none);
  return g_test_run ();
}
