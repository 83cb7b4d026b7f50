/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The head of a file with a saved domain, in the form of xl's: 48 bytes in
 * the host's byte order, then optional data, then the domain's stream.
 *
 *    0  "Xen saved domain, xl format" LF SP NUL SP CR, 32 bytes in all
 *   32  u32 0x01020304
 *   36  u32 what the reader must know: bit 0 the configuration is JSON, bit 1
 *           the stream is of version 2
 *   40  u32 what it need not know: 0
 *   44  u32 length of the optional data: u32 length of the configuration, the
 *           configuration with its NUL, and what a reader may ignore
 *
 * What xl ignores is ours: "Xenferry", u32 1 if the domain was paused, u32
 * length and bytes of the document that it was made from, with its NUL (0:
 * there is none).
 *
 * Functions of pure reading and writing, in any thread.
 */
#ifndef XF_XEN_SAVEFILE_H
#define XF_XEN_SAVEFILE_H

#include "protocol/error.h"
#include "protocol/types.h"

/* Optional data of a head that is not refused. */
#define XF_SAVEFILE_MAX (16 * 1024 * 1024)

struct xf_savefile {
    char *config;               /* libxl's JSON */
    char *document;             /* domain XML; NULL: none */
    gboolean paused;
};

void xf_savefile_clear(struct xf_savefile *head);

/* Retries what was interrupted; a full disk is XF_ERROR_SYSTEM. */
gboolean xf_savefile_write(int fd, const struct xf_savefile *head,
                           GError **err);
/* Afterwards the stream follows in fd.  The caller clears `head` on success.
 * What is no such file, or of an older xl, is XF_ERROR_INVALID_ARG. */
gboolean xf_savefile_read(int fd, struct xf_savefile *head, GError **err);

#endif
