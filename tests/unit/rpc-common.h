/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A real server with the double behind it, and raw packets to talk to it. */
#ifndef XF_TESTS_UNIT_RPC_COMMON_H
#define XF_TESTS_UNIT_RPC_COMMON_H

#include "protocol/rpc/message.h"
#include "protocol/rpc/server.h"
#include "tests/unit/common.h"
#include "tests/unit/double.h"

struct test_server {
    struct double_world world;
    GMainContext *context;
    GMainLoop *loop;
    GThread *thread;
    struct xf_rpc_server *server;
};

/* config NULL: defaults.  `setup` (may be NULL) runs before the server's
 * thread does: listen in it. */
void test_server_start(struct test_server *t,
                       const struct xf_rpc_server_config *config,
                       void (*setup)(struct test_server *t));
/* Ends the server, then the world. */
void test_server_stop(struct test_server *t);
/* Ends the server only: the world can still be asked. */
void test_server_end(struct test_server *t);
/* One end of a socketpair; the server has the other. */
int test_server_connect(struct test_server *t);

/* Bytes of a string of hex digits; blanks are skipped. */
GByteArray *hex(const char *digits);

/* -- raw packets; each function fails the test after 30 s -- */

void send_hex(int fd, const char *digits);
void send_bytes(int fd, const void *data, gsize len);
/* Sends a CALL of the remote program. */
void send_call(int fd, int proc, guint32 serial, xdrproc_t filter,
               void *args);
/* One packet; NULL when the peer has closed. */
GBytes *recv_packet(int fd, struct xf_rpc_header *header);
/* The next packet is this, byte for byte. */
void expect_hex(int fd, const char *digits);
void expect_closed(int fd);
/* The next packet but pings answers that call with OK; its body is
 * decoded. */
void expect_reply(int fd, int proc, guint32 serial, xdrproc_t filter,
                  void *ret);
/* ... with that error; `text` is how the message begins. */
void expect_error(int fd, int proc, guint32 serial, int code, int domain,
                  const char *text);
/* Sends the open call and takes its reply; serial 0. */
void open_raw(int fd, guint flags);

/* -- calls of the tests -- */

void fill_domain(struct xfw_domain *dom);
/* A Perform that the double can block; its reply. */
void send_perform(int fd, guint32 serial);
void expect_perform(int fd, guint32 serial);
/* A quick call that must be answered: the connection is whole. */
void check_served(int fd, guint32 serial);

#define PING "0000001c 6b656570 00000001 00000001 00000002 00000000 00000000"
#define PONG "0000001c 6b656570 00000001 00000002 00000002 00000000 00000000"

#endif
