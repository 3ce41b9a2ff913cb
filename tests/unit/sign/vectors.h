/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* Files that minisign 0.11 made of one throw-away key (-G -W; -S and -Sl of a file that holds "hi\n"), and
 * that key encrypted with the passphrase "correct horse" by Python's hashlib.scrypt. */
#pragma once

#define SIGNED_DATA "hi\n"
#define PASSPHRASE  "correct horse"
#define KEY_ID      "BB2C9FE02759FBAE"

#define MINISIGN_PUBLIC                                                                                      \
  "untrusted comment: minisign public key BB2C9FE02759FBAE\n"                                                \
  "RWSu+1kn4J8su5fzJ8SId3K8cfPyt/FSrdaVZ+Tg1F6vTjqPhq3UQ+Eb\n"

#define MINISIGN_SECRET                                                                                      \
  "untrusted comment: minisign encrypted secret key\n"                                                       \
  "RWQAAEIyAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAArvtZJ+CfLLtWuqOe"                 \
  "c2PtXk2X5BoMtg9CuS9x/ej2z4OG3kolXMYXXJfzJ8SId3K8cfPyt/FSrdaVZ+Tg1F6vTjqPhq3UQ+EbAAAAAAAA"                 \
  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"

#define MINISIGN_SIGNATURE                                                                                   \
  "untrusted comment: who knows\n"                                                                           \
  "RUSu+1kn4J8su64lN2RxSg27RLCcdhOw32o6ujlR6i1RBKQNdXJJK2quZk6HSCs/Q0xgKky0FblcOP40GxUylmER"                 \
  "Fo/JcsPbzQE=\n"                                                                                           \
  "trusted comment: a release\n"                                                                             \
  "MBuIlfE63llmIyUTcH2HTm0qMUnzUH5u6AX9hMdH+bGYic6skZ2TDxhCitrTPaVyX+8ifMy1qqZwsxgTkRIlBg==\n"

#define MINISIGN_LEGACY                                                                                      \
  "untrusted comment: signature from minisign secret key\n"                                                  \
  "RWSu+1kn4J8su38XO87fJEcF5qRxH+6UrUG7Qctq6Ms90igudJOoqdPGNTlsH3QJ96AtWE7b78N3FG7jP73wtwsl"                 \
  "xn/fkiAluwo=\n"                                                                                           \
  "trusted comment: old form\n"                                                                              \
  "8zkmNRpWCBCDJAnQrxgQ+Vf5ey9mE1DL2mRTGbS6fHO3qhSJFgEO9w4t2zJRv4nlFtjexLHc1QMo9MruglmJAQ==\n"

#define SCRYPT_BY_TIME                                                                                       \
  "untrusted comment: minisign encrypted secret key\n"                                                       \
  "RWRTY0IyY0ea1poJCyWCd+yPum+ZQZov+ySJgVEGV8lEzNEUjpcAgAAAAAAAAAAAAAEAAAAAbOY23y2XeTM8BR0+"                 \
  "86QhaEJ3itNOLe0aDIlQDjiGx1T+YGikbwpjqphsygKH7fIssXo4am82w3xWsYe3VQx0sEiYYKzT5V5qXrDOHAaZ"                 \
  "y6V8O2igy/yHMcxw8cgbGexzC1+WANqDkS4=\n"

#define SCRYPT_BY_MEMORY                                                                                     \
  "untrusted comment: minisign encrypted secret key\n"                                                       \
  "RWRTY0IyY0ea1poJCyWCd+yPum+ZQZov+ySJgVEGV8lEzNEUjpcAAAIAAAAAAAAAEAAAAAAAXDEvynrsLh6TE9Vj"                 \
  "o5QGB58gzTta+WmqBwoiJckds9F6Nw9YhLQLuzZW/l+RHQMoF6FomG4RmCDCUv76qlz26oAY7EMeL/LJkhd+zVcW"                 \
  "XdBA/TSd7/Ny/Hi38l0ICPJoto347a2C5Nw=\n"
