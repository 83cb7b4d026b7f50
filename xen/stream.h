/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Looking at a stream's fd before libxl gets it.
 *
 * libxl 4.17 brings the process down when a stream fails before its helper
 * has been started: the end of file or rubbish where the head should be, or
 * a connection that breaks while the head is written, calls the completion
 * of a helper that never was, through a null pointer.  A peer must not be
 * able to do that to us.  So the head is looked at first, without taking a
 * byte of it: once it is there and good, libxl's own reads cannot fail.
 *
 * (The other end of the stream has its trap too: when it breaks off behind
 * libxl's helper's part, the restore succeeds.  Whoever receives a stream
 * must not take it for whole before the sender has said so.)
 */
#ifndef XF_XEN_STREAM_H
#define XF_XEN_STREAM_H

#include "protocol/error.h"

/* The version of the streams that are written and read here. */
#define XF_LIBXL_STREAM 2u

/* Waits as long as it takes for the head of a libxl stream and checks it;
 * the stream position of fd (a blocking socket, a pipe, or a file) does not
 * change.  shutdown(fd, SHUT_RD) in another thread ends the wait with an
 * error; at a pipe, where there is no such thing, it ends after a minute. */
gboolean xf_stream_await_head(int fd, GError **err);

/* Is there still somebody to write to? */
gboolean xf_stream_check_writable(int fd, GError **err);

#endif
