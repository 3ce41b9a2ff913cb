/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Ed25519 against the vectors of RFC 8032, 7.1, and what a verifier must refuse. */
#include "sign/sign-private.h"

#include <string.h>

typedef struct {
  const char *name, *seed, *point, *message, *signature;
} Vector;

static const Vector vectors[] = {
    {"TEST 1", "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
     "d25bf5f0595bbe24655141438e7a100b"},
    {"TEST 2", "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
     "387b2eaeb4302aeeb00d291612bb0c00"},
    {"TEST 3", "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
     "4a7c15e9716ed28dc027beceea1ec40a"},
    {"TEST SHA(abc)", "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
     "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd"
     "454d4423643ce80e2a9ac94fa54ca49f",
     "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e030"
     "3dca179c138ac17ad9bef1177331a704"},
};

static gsize
from_hex (const char *hex, guint8 *bytes)
{
  gsize length = strlen (hex) / 2;
  for (gsize i = 0; i < length; i++)
    bytes[i] = (guint8)(g_ascii_xdigit_value (hex[2 * i]) << 4 | g_ascii_xdigit_value (hex[2 * i + 1]));
  return length;
}

static void
a_vector_of_rfc_8032_is_met (gconstpointer data)
{
  const Vector *vector = data;
  guint8 seed[32], point[32], made_point[32], message[64], signature[64], made[64];
  g_autoptr (GError) error = NULL;
  from_hex (vector->seed, seed);
  from_hex (vector->point, point);
  from_hex (vector->signature, signature);
  gsize length = from_hex (vector->message, message);
  g_assert_true (sign_ed25519_public (seed, made_point, &error));
  g_assert_cmpmem (made_point, 32, point, 32);
  g_assert_true (sign_ed25519_make (seed, point, message, length, made, &error));
  g_assert_no_error (error);
  g_assert_cmpmem (made, 64, signature, 64);
  g_assert_true (sign_ed25519_verify (point, message, length, signature));
}

static void
every_flipped_bit_of_a_signature_is_refused (void)
{
  guint8 point[32], message[64], signature[64];
  from_hex (vectors[2].point, point);
  from_hex (vectors[2].signature, signature);
  gsize length = from_hex (vectors[2].message, message);
  for (guint bit = 0; bit < 8 * sizeof signature; bit++) {
    signature[bit / 8] ^= (guint8)(1 << bit % 8);
    g_assert_false (sign_ed25519_verify (point, message, length, signature));
    signature[bit / 8] ^= (guint8)(1 << bit % 8);
  }
  g_assert_true (sign_ed25519_verify (point, message, length, signature));
  message[0] ^= 1;
  g_assert_false (sign_ed25519_verify (point, message, length, signature));
  message[0] ^= 1;
  g_assert_false (sign_ed25519_verify (point, message, length - 1, signature));
}

/* The order of the base point, added: the equation still holds. */
static void
the_second_form_of_a_signature_is_refused (void)
{
  guint8 point[32], message[64], signature[64], order[32];
  from_hex (vectors[1].point, point);
  from_hex (vectors[1].signature, signature);
  gsize length = from_hex (vectors[1].message, message);
  from_hex ("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010", order);
  guint carry = 0;
  for (int i = 0; i < 32; i++) {
    carry += (guint)signature[32 + i] + order[i];
    signature[32 + i] = (guint8)carry;
    carry >>= 8;
  }
  g_assert_false (sign_ed25519_verify (point, message, length, signature));
}

/* For these anybody can make signatures; the list is libsodium's (ge25519_has_small_order). */
static void
points_of_small_order_are_refused (void)
{
  static const char *const small[] = {
      "0000000000000000000000000000000000000000000000000000000000000000",
      "0100000000000000000000000000000000000000000000000000000000000000",
      "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
      "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
      "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  };
  for (gsize i = 0; i < G_N_ELEMENTS (small); i++)
    for (int sign = 0; sign <= 0x80; sign += 0x80) {
      guint8 point[32];
      from_hex (small[i], point);
      point[31] |= (guint8)sign;
      g_assert_false (sign_ed25519_is_sound (point));
    }
}

static void
what_is_no_point_of_the_curve_is_refused (void)
{
  guint8 point[32] = {2};
  g_assert_false (sign_ed25519_is_sound (point));
}

/* Points of the curve whose x is small, or the negative of a small one, and small y: libgcrypt 1.10 would end
 * the program. */
static void
points_that_libgcrypt_stumbles_over_are_refused (void)
{
  static const char *const points[] = {
      "0100000000000000000000000000000000000000000000000000000000000000",
      "11f61c55ce414f82bceaecacd8c1278e4a7dfcba98e875692b5f750c2510270c",
      "1989071951b3176526086670dc83f6771acb7771b6e1dadb46344528b892259e",
      "23bf88e7e5c3a6f608a67cb2701680ea209b0befdaabdd3bb5b9a6b802d08008",
      "30acc005809818aded88d4d92cef7d64be6efa0ecc6353e76cfdd094e93d45c1",
      "382689237443952712295cf268c89e8ca42b1a7d07412a9f165a785f45d1f606",
      "3b132d9102dabf56ebaa22a96879bdb9a80bb9e5bfabe2a068eb0fcbc58ba0a2",
      "411d218314525ecc95e9909c7e98ff2824d0b4fe3051c4645c8bc1e5593b7849",
      "436dc617e652eb80609cb3aca27d27a8e8578d10f51938e38da8eaef33b45c9d",
      "58fc8bdb15e949870162ea9ea71a34650b381b65a9667d2ee45da3a067ab9e13",
      "6f1ca9011df3cfddad056104c0577ce50be0dab6585d0ac0ff760e01b86ba2e9",
      "95037424ea16b678fe9d156158e5cb9af4c7e49a569982d11ba25c5f9854616c",
      "9cbc119fe3f033dd187f05135a054615653542d40a4def30316a0c768cb765dc",
      "ace2de7cebada1336a166f63816700d7db2f4b01cfae3b9ba3743e1aa6c48736",
      "b21c0c2894201a80586501d783962ea1847f732bde5a99f64e88ee60c1d7519d",
      "b5d976dc8bbc6ad8edd6a30d973761735bd4e582f8bed560e9a587a0ba2e0979",
      "bcd98ee1ee10a8b96d6cac7e2d32d4454a22eec3bfef06e0283b2284ed40bce5",
      "ca4077181a3c5909f759834d8fe97f15df64f410255422c44a465947fd2f7f77",
      "ce9afafa05c9c6d775a4ec2559d2e7c05d72c653d6a921f9a8402aa545de48f5",
      "dc09e3aa31beb07d43151353273ed871b582034567178a96d4a08af3daefd873",
      "eb8ffce7fc33540e34909731cab7f7301c7e7d9bea739584e82fa3e0c8f1f7c9",
      "f116bd3e3ef6c587531fe422b684dc0052c5d0e69c35375eb0ce65d16febb2a0",
      "0000000000000000000000000000000000000000000000000000000000000000",
      "0000000000000000000000000000000000000000000000000000000000000080",
      "0100000000000000000000000000000000000000000000000000000000000000",
      "0100000000000000000000000000000000000000000000000000000000000080",
      "0200000000000000000000000000000000000000000000000000000000000000",
      "0200000000000000000000000000000000000000000000000000000000000080",
      "0300000000000000000000000000000000000000000000000000000000000000",
      "0300000000000000000000000000000000000000000000000000000000000080",
      "1200000000000000000000000000000000000000000000000000000000000000",
      "1200000000000000000000000000000000000000000000000000000000000080",
      "1300000000000000000000000000000000000000000000000000000000000000",
      "1300000000000000000000000000000000000000000000000000000000000080",
      "4040400000000000000000000000000000000000000000000000000000000000",
      "4040404040404040000000000000000000000000000000000000000000000000",
      "4040404040404040404040404040404040404040404040000000000000000000",
  };
  for (gsize i = 0; i < G_N_ELEMENTS (points); i++) {
    guint8 point[32], signature[64] = {1};
    from_hex (points[i], point);
    g_assert_false (sign_ed25519_is_sound (point));
    g_assert_false (sign_ed25519_verify (point, "x", 1, signature));
  }
}

static void
new_keys_are_sound (void)
{
  for (int i = 0; i < 20; i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (VfSignKey) key = vf_sign_key_generate (&error);
    g_assert_no_error (error);
    g_assert_true (sign_ed25519_is_sound (vf_sign_key_public (key)->point));
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (vectors); i++) {
    g_autofree char *path =
        g_strdup_printf ("/sign/ed25519/the vector %s of RFC 8032 is met", vectors[i].name);
    g_test_add_data_func (path, &vectors[i], a_vector_of_rfc_8032_is_met);
  }
#define ADD(name) g_test_add_func ("/sign/ed25519/" #name, name)
  ADD (every_flipped_bit_of_a_signature_is_refused);
  ADD (the_second_form_of_a_signature_is_refused);
  ADD (points_of_small_order_are_refused);
  ADD (what_is_no_point_of_the_curve_is_refused);
  ADD (points_that_libgcrypt_stumbles_over_are_refused);
  ADD (new_keys_are_sound);
  return g_test_run ();
}
