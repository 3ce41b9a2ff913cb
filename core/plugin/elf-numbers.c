/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

#include "plugin/elf-numbers.h"

#include "support/error.h"

#include <elf.h>
#include <link.h>
#include <string.h>
#include <unistd.h>

/* Nothing that the file says is trusted: every count is bounded, every read stays inside the file. */
#define MAX_SEGMENTS    256
#define MAX_DYNAMIC     4096
#define MAX_CHAIN_STEPS 65536

/* Where the linker put our own ELF header: says which machine this program is for, whatever it is. */
extern const ElfW (Ehdr) __ehdr_start __attribute__ ((visibility ("hidden")));

typedef struct {
  int fd;
  guint n_segments;
  ElfW (Phdr) segments[MAX_SEGMENTS];
  ElfW (Addr) symbols, strings, gnu_hash, sysv_hash;
  guint64 strings_size;
} Elf;

static gboolean
read_exactly (int fd, void *buffer, gsize length, guint64 offset)
{
  if (offset > G_MAXINT64 - length)
    return FALSE;
  for (gsize done = 0; done < length;) {
    ssize_t n = TEMP_FAILURE_RETRY (pread (fd, (char *)buffer + done, length - done, (off_t)(offset + done)));
    if (n <= 0)
      return FALSE;
    done += (gsize)n;
  }
  return TRUE;
}

/* Reads what will be at a virtual address once the file is mapped. */
static gboolean
read_mapped (const Elf *elf, guint64 address, void *buffer, gsize length)
{
  for (guint i = 0; i < elf->n_segments; i++) {
    const ElfW (Phdr) *segment = &elf->segments[i];
    if (segment->p_type != PT_LOAD || address < segment->p_vaddr)
      continue;
    guint64 inside = address - segment->p_vaddr;
    if (inside <= segment->p_filesz && length <= segment->p_filesz - inside &&
        segment->p_offset <= G_MAXINT64 - inside)
      return read_exactly (elf->fd, buffer, length, segment->p_offset + inside);
  }
  return FALSE;
}

static char *
machine_name (guint machine, guint class)
{
  static const struct {
    guint machine;
    const char *name;
  } names[] = {
      {EM_X86_64, "x86_64"}, {EM_386, "i386"},    {EM_AARCH64, "aarch64"}, {EM_ARM, "arm"},
      {EM_RISCV, "riscv"},   {EM_PPC64, "ppc64"}, {EM_S390, "s390"},       {EM_MIPS, "mips"},
  };
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (names[i].machine == machine)
      return g_strdup_printf ("%s, %s-bit", names[i].name, class == ELFCLASS64 ? "64" : "32");
  return g_strdup_printf ("ELF machine %u, %s-bit", machine, class == ELFCLASS64 ? "64" : "32");
}

static gboolean
read_header (Elf *elf, const char *path, GError **error)
{
  ElfW (Ehdr) header = {0};
  /* e_machine has the same place in both classes: that much is read of any ELF file. */
  gsize common = G_STRUCT_OFFSET (ElfW (Ehdr), e_machine) + sizeof header.e_machine;
  if (!read_exactly (elf->fd, &header, common, 0) || memcmp (header.e_ident, ELFMAG, SELFMAG) != 0)
    return vf_error_set (error, VMFORGE_ERROR_ENVIRONMENT, "'%s' is not an ELF file", path);
  if (header.e_ident[EI_CLASS] != __ehdr_start.e_ident[EI_CLASS] ||
      header.e_ident[EI_DATA] != __ehdr_start.e_ident[EI_DATA] ||
      header.e_machine != __ehdr_start.e_machine) {
    g_autofree char *theirs = machine_name (header.e_machine, header.e_ident[EI_CLASS]);
    g_autofree char *ours = machine_name (__ehdr_start.e_machine, __ehdr_start.e_ident[EI_CLASS]);
    return vf_error_set (error, VMFORGE_ERROR_ENVIRONMENT,
                         "'%s' is for another architecture (%s; this vmforge is %s)", path, theirs, ours);
  }
  if (header.e_type != ET_DYN || !read_exactly (elf->fd, &header, sizeof header, 0))
    return vf_error_set (error, VMFORGE_ERROR_ENVIRONMENT, "'%s' is not an ELF shared object", path);
  if (header.e_phentsize != sizeof (ElfW (Phdr)) || header.e_phnum == 0 || header.e_phnum > MAX_SEGMENTS ||
      !read_exactly (elf->fd, elf->segments, header.e_phnum * sizeof (ElfW (Phdr)), header.e_phoff))
    return vf_error_set (error, VMFORGE_ERROR_ENVIRONMENT, "'%s' is a damaged ELF file (program headers)",
                         path);
  elf->n_segments = header.e_phnum;
  return TRUE;
}

static gboolean
read_dynamic (Elf *elf, const char *path, GError **error)
{
  const ElfW (Phdr) *dynamic = NULL;
  for (guint i = 0; i < elf->n_segments; i++)
    if (elf->segments[i].p_type == PT_DYNAMIC)
      dynamic = &elf->segments[i];
  if (!dynamic)
    return vf_error_set (error, VMFORGE_ERROR_ENVIRONMENT, "'%s' is not an ELF shared object", path);

  gsize n = MIN (dynamic->p_filesz / sizeof (ElfW (Dyn)), MAX_DYNAMIC);
  for (gsize i = 0; i < n; i++) {
    ElfW (Dyn) entry;
    if (!read_mapped (elf, dynamic->p_vaddr + i * sizeof entry, &entry, sizeof entry))
      return vf_error_set (error, VMFORGE_ERROR_ENVIRONMENT, "'%s' is a damaged ELF file (dynamic section)",
                           path);
    if (entry.d_tag == DT_NULL)
      break;
    if (entry.d_tag == DT_SYMTAB)
      elf->symbols = entry.d_un.d_ptr;
    else if (entry.d_tag == DT_STRTAB)
      elf->strings = entry.d_un.d_ptr;
    else if (entry.d_tag == DT_STRSZ)
      elf->strings_size = entry.d_un.d_val;
    else if (entry.d_tag == DT_GNU_HASH)
      elf->gnu_hash = entry.d_un.d_ptr;
    else if (entry.d_tag == DT_HASH)
      elf->sysv_hash = entry.d_un.d_ptr;
  }
  return TRUE;
}

/* Whether the symbol with this index is defined and has the name. */
static gboolean
symbol_is (const Elf *elf, guint32 index, const char *name, ElfW (Sym) * symbol)
{
  char found[64];
  gsize length = strlen (name) + 1;
  g_assert (length <= sizeof found);
  return read_mapped (elf, elf->symbols + (guint64)index * sizeof *symbol, symbol, sizeof *symbol) &&
         symbol->st_shndx != SHN_UNDEF && symbol->st_name < elf->strings_size &&
         elf->strings_size - symbol->st_name >= length &&
         read_mapped (elf, elf->strings + symbol->st_name, found, length) &&
         memcmp (found, name, length) == 0;
}

static gboolean
find_by_gnu_hash (const Elf *elf, const char *name, ElfW (Sym) * symbol)
{
  struct {
    guint32 n_buckets, first, bloom_words, bloom_shift;
  } table;
  if (!read_mapped (elf, elf->gnu_hash, &table, sizeof table) || table.n_buckets == 0)
    return FALSE;
  guint32 hash = 5381;
  for (const guchar *c = (const guchar *)name; *c; c++)
    hash = hash * 33 + *c;

  guint64 buckets = elf->gnu_hash + sizeof table + (guint64)table.bloom_words * sizeof (ElfW (Addr));
  guint64 chains = buckets + (guint64)table.n_buckets * sizeof (guint32);
  guint32 index;
  if (!read_mapped (elf, buckets + (guint64)(hash % table.n_buckets) * sizeof index, &index, sizeof index) ||
      index < table.first)
    return FALSE;
  for (guint step = 0; step < MAX_CHAIN_STEPS; step++, index++) {
    guint32 chain;
    if (!read_mapped (elf, chains + (guint64)(index - table.first) * sizeof chain, &chain, sizeof chain))
      return FALSE;
    if ((chain | 1) == (hash | 1) && symbol_is (elf, index, name, symbol))
      return TRUE;
    if (chain & 1)
      return FALSE;
  }
  return FALSE;
}

static gboolean
find_by_sysv_hash (const Elf *elf, const char *name, ElfW (Sym) * symbol)
{
  guint32 counts[2]; /* buckets, symbols */
  if (!read_mapped (elf, elf->sysv_hash, counts, sizeof counts))
    return FALSE;
  guint32 n = MIN (counts[1], MAX_CHAIN_STEPS);
  for (guint32 i = 1; i < n; i++)
    if (symbol_is (elf, i, name, symbol))
      return TRUE;
  return FALSE;
}

gboolean
vf_elf_read_numbers (int fd, const char *path, VfElfNumbers *numbers, guint64 *symbol_size, GError **error)
{
  g_autofree Elf *elf = g_new0 (Elf, 1);
  elf->fd = fd;
  if (!read_header (elf, path, error) || !read_dynamic (elf, path, error))
    return FALSE;

  /* The same tables that dlsym will use: what is checked is what is used. */
  ElfW (Sym) symbol;
  if (!(elf->gnu_hash ? find_by_gnu_hash (elf, "vmforge_plugin", &symbol)
                      : elf->sysv_hash && find_by_sysv_hash (elf, "vmforge_plugin", &symbol)))
    return vf_error_set (error, VMFORGE_ERROR_ENVIRONMENT,
                         "'%s' is no vmforge plugin: it exports no symbol 'vmforge_plugin'", path);
  if (ELF64_ST_TYPE (symbol.st_info) != STT_OBJECT)
    return vf_error_set (error, VMFORGE_ERROR_ENVIRONMENT,
                         "'%s' is no vmforge plugin: its symbol 'vmforge_plugin' is not data", path);
  if (symbol.st_size < sizeof *numbers || !read_mapped (elf, symbol.st_value, numbers, sizeof *numbers))
    return vf_error_set (error, VMFORGE_ERROR_ENVIRONMENT,
                         "'%s' is no vmforge plugin: its 'vmforge_plugin' is too small or has no data", path);
  *symbol_size = symbol.st_size;
  return TRUE;
}
