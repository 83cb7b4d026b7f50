/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The simulator's stream: a header, pages, an end record.  Structs go over
 * the wire as they are: both ends are one machine.
 */
#ifndef XF_TESTS_SIM_STREAM_H
#define XF_TESTS_SIM_STREAM_H

#include <glib.h>

#define SIM_MAGIC "xfsim v1"
#define SIM_PAGES_MAX 65536
#define SIM_PAD_MAX (1024 * 1024)

struct sim_stream_header {
    char magic[8];
    guint32 pages;
    guint32 pad;                /* bytes that follow each page record */
};

enum sim_record {
    SIM_RECORD_PAGE = 1,
    SIM_RECORD_END = 2,
};

struct sim_stream_record {
    guint64 type;
    guint64 page;
    guint64 version;
};

/* Follows SIM_RECORD_END: what the guest was when it stopped. */
struct sim_stream_end {
    char life[40];
    gint64 writes;
    gint64 dirty_rate;
};

/* Block until all is done or abort_fd is readable.  0, or an errno:
 * ECANCELED aborted, ENODATA end of file.  Never raise SIGPIPE on sockets. */
int sim_stream_write(int fd, int abort_fd, const void *data, gsize len);
int sim_stream_read(int fd, int abort_fd, void *data, gsize len);

#endif
