/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) 2026 The vmforge authors */

/* What both ends of the protocol (docs/wire.md) agree on. */
#pragma once

#define HELLO         "vmforge-cbt 1\n"
#define HELLO_BYTES   14
#define NOBODY        UINT32_MAX       /* in place of a content's number */
#define BEGUN_EMPTY   (UINT32_MAX - 1) /* of an interrupted transfer: it had begun from zeros */
#define MAX_CONTENTS  65536
#define CONTENT_BYTES 40 /* root, size */
/* Of one DATA frame, unpacked, and of what it may refer to. */
#define WINDOW_BLOCKS 2048
#define PREFIX_BLOCKS 4096
/* Of one QUERY: hashes are shortened to what tells blocks of one store apart. The root judges in the end. */
#define QUERY_BLOCKS 4096
#define QUERY_HASH   8
/* Of one ZERO or COPY frame. */
#define FRAME_RUNS 4096
/* log2 of the bytes that a frame of zstd may refer back to: window and prefix. */
#define WINDOW_LOG 25
