/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* The reader of ELF files meets files that are cut short, have bits turned over, and tables that lead
 * anywhere. What it must do is come back, having read nothing beyond what it was given (a build with ASan
 * tells), with numbers or with one line that says what is wrong. */
#include "fixture.h"
#include "plugin/elf-numbers.h"
#include "support/fd.h"

#include <elf.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ROUNDS 1500
#define SEED   20261122

typedef struct {
  char *bytes;
  gsize length;
  GRand *rand;
  guint read, refused;
} Mutant;

static guint64
any_number (GRand *rand)
{
  guint64 number = (guint64)g_rand_int (rand) << 32 | g_rand_int (rand);
  /* Small ones and huge ones alike: near the ends of the file, of 32 and of 64 bits. */
  return g_rand_boolean (rand) ? number >> g_rand_int_range (rand, 0, 63) : ~(number >> 48);
}

/* Reads numbers from these bytes, as a file of its own. */
static void
read_bytes (Mutant *mutant, const char *bytes, gsize length)
{
  vf_autofd int fd = memfd_create ("plugin", MFD_CLOEXEC);
  VfElfNumbers numbers;
  guint64 size = 0;
  GError *error = NULL;
  g_assert_cmpint (write (fd, bytes, length), ==, (gssize)length);
  if (vf_elf_read_numbers (fd, "mutant", &numbers, &size, &error)) {
    g_assert_no_error (error);
    g_assert_cmpuint (size, >=, sizeof numbers);
    mutant->read++;
    return;
  }
  g_assert_error (error, VMFORGE_ERROR, VMFORGE_ERROR_ENVIRONMENT);
  g_assert_true (g_str_has_prefix (error->message, "'mutant' "));
  g_assert_null (strchr (error->message, '\n'));
  g_clear_error (&error);
  mutant->refused++;
}

static void
set_up (Mutant *mutant, gconstpointer data)
{
  g_autofree char *path = g_strdup_printf ("%s/vmforge-toy.so", plugin_test_dir);
  GError *error = NULL;
  g_file_get_contents (path, &mutant->bytes, &mutant->length, &error);
  g_assert_no_error (error);
  mutant->rand = g_rand_new_with_seed (SEED);
}

static void
tear_down (Mutant *mutant, gconstpointer data)
{
  g_free (mutant->bytes);
  g_rand_free (mutant->rand);
}

static void
reads_a_whole_file (Mutant *mutant, gconstpointer data)
{
  read_bytes (mutant, mutant->bytes, mutant->length);
  g_assert_cmpuint (mutant->read, ==, 1);
}

static void
survives_files_that_are_cut_short (Mutant *mutant, gconstpointer data)
{
  for (int i = 0; i < ROUNDS; i++)
    read_bytes (mutant, mutant->bytes, (gsize)g_rand_int_range (mutant->rand, 0, (gint32)mutant->length));
  /* The descriptor lies near the end of what is mapped, and section headers, which nobody needs, after it. */
  g_assert_cmpuint (mutant->refused, >, ROUNDS / 4);
}

static void
survives_bits_that_are_turned_over (Mutant *mutant, gconstpointer data)
{
  const ElfW (Ehdr) *header = (const void *)mutant->bytes;
  gint32 tables = (gint32)(header->e_phoff + header->e_phnum * sizeof (ElfW (Phdr)));
  for (int i = 0; i < ROUNDS; i++) {
    g_autofree char *copy = g_memdup2 (mutant->bytes, mutant->length);
    for (int flips = g_rand_int_range (mutant->rand, 1, 9); flips > 0; flips--) {
      gint32 end = g_rand_boolean (mutant->rand) ? tables : (gint32)mutant->length;
      copy[g_rand_int_range (mutant->rand, 0, end)] ^= (char)(1 << g_rand_int_range (mutant->rand, 0, 8));
    }
    read_bytes (mutant, copy, mutant->length);
  }
  g_assert_cmpuint (mutant->read, >, 0);
  g_assert_cmpuint (mutant->refused, >, ROUNDS / 20);
}

/* One field of one program header says anything. */
static void
bend_segment (Mutant *mutant, char *copy)
{
  const ElfW (Ehdr) *header = (const void *)copy;
  ElfW (Phdr) *segment =
      (ElfW (Phdr) *)(void *)(copy + header->e_phoff) + g_rand_int_range (mutant->rand, 0, header->e_phnum);
  guint64 number = any_number (mutant->rand);
  switch (g_rand_int_range (mutant->rand, 0, 5)) {
  case 0:
    segment->p_offset = number;
    break;
  case 1:
    segment->p_vaddr = number;
    break;
  case 2:
    segment->p_filesz = number;
    break;
  case 3:
    segment->p_type = g_rand_boolean (mutant->rand) ? PT_DYNAMIC : PT_LOAD;
    break;
  default:
    segment->p_memsz = number;
  }
}

/* The tables of the dynamic section lead anywhere: symbols, strings, hashes and their sizes. */
static void
bend_dynamic (Mutant *mutant, char *copy)
{
  const ElfW (Ehdr) *header = (const void *)copy;
  const ElfW (Phdr) *segments = (const void *)(copy + header->e_phoff);
  for (int i = 0; i < header->e_phnum; i++) {
    if (segments[i].p_type != PT_DYNAMIC)
      continue;
    ElfW (Dyn) *dynamic = (ElfW (Dyn) *)(void *)(copy + segments[i].p_offset);
    gint32 n = (gint32)(segments[i].p_filesz / sizeof *dynamic);
    ElfW (Dyn) *entry = &dynamic[g_rand_int_range (mutant->rand, 0, n)];
    if (g_rand_int_range (mutant->rand, 0, 4) > 0)
      entry->d_un.d_val = any_number (mutant->rand);
    else
      entry->d_tag = g_rand_int_range (mutant->rand, 0, 12);
  }
}

static void
bend_hash (Mutant *mutant, char *copy)
{
  const ElfW (Ehdr) *header = (const void *)copy;
  const ElfW (Phdr) *segments = (const void *)(copy + header->e_phoff);
  for (int i = 0; i < header->e_phnum; i++) {
    if (segments[i].p_type != PT_DYNAMIC)
      continue;
    for (const ElfW (Dyn) *entry = (const void *)(copy + segments[i].p_offset); entry->d_tag != DT_NULL;
         entry++)
      if (entry->d_tag == DT_GNU_HASH && entry->d_un.d_ptr + 32 < mutant->length) {
        guint32 word = (guint32)any_number (mutant->rand);
        memcpy (copy + entry->d_un.d_ptr + 4 * (gsize)g_rand_int_range (mutant->rand, 0, 8), &word,
                sizeof word);
      }
  }
}

static void
bend_header (Mutant *mutant, char *copy)
{
  ElfW (Ehdr) *header = (void *)copy;
  guint64 number = any_number (mutant->rand);
  switch (g_rand_int_range (mutant->rand, 0, 4)) {
  case 0:
    header->e_phoff = number;
    break;
  case 1:
    header->e_phnum = (guint16)number;
    break;
  case 2:
    header->e_shoff = number;
    break;
  default:
    header->e_shnum = (guint16)number;
  }
}

static void
survives_tables_that_lead_anywhere (Mutant *mutant, gconstpointer data)
{
  void (*const bend[]) (Mutant *, char *) = {bend_hash, bend_dynamic, bend_segment, bend_header};
  for (guint how = 0; how < G_N_ELEMENTS (bend); how++) {
    mutant->refused = 0;
    for (int i = 0; i < ROUNDS; i++) {
      g_autofree char *copy = g_memdup2 (mutant->bytes, mutant->length);
      bend[how](mutant, copy);
      read_bytes (mutant, copy, mutant->length);
    }
    g_assert_cmpuint (mutant->refused, >, 0);
  }
}

#define ADD(function) g_test_add ("/plugin/elf-numbers/" #function, Mutant, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD (reads_a_whole_file);
  ADD (survives_files_that_are_cut_short);
  ADD (survives_bits_that_are_turned_over);
  ADD (survives_tables_that_lead_anywhere);
  return g_test_run ();
}
