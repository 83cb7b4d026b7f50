/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two hosts with stored domains, in few words: for check-stored*.c.  What
 * cannot fail unless the test does, fails the test. */
#ifndef XF_TESTS_UNIT_STORED_WORLD_H
#define XF_TESTS_UNIT_STORED_WORLD_H

#include "protocol/engine-private.h"
#include "tests/unit/engine-world.h"

#define UUID_S "11111111-2222-3333-4444-555555555555"
#define UUID_T "66666666-7777-8888-9999-aaaaaaaaaaaa"
#define DRIVER(host) (host)->conn->driver

int stored_main(const char *name, const struct xf_unit_test *tests);

/* Stores of definitions, of both hosts, cannot be written. */
void full(gboolean is);
/* The engine starts again; its store still heeds full(). */
void restart(struct host *host);

/* The error has that code, and that text in it; clears it. */
void said(GError **err, int code, const char *text);

struct xf_domain_ref *define(struct host *host, const char *name,
                             const char *uuid, GError **err);
/* ... which must work. */
void defined(struct host *host, const char *name, const char *uuid);
struct xf_domain_ref *look_up(struct host *host, const char *name);
gboolean start(struct host *host, const char *name, guint flags,
               GError **err);
gboolean undefine(struct host *host, const char *name, GError **err);
void destroyed(struct host *host, const char *name);
gboolean autostart(struct host *host, const char *name, gboolean on,
                   GError **err);

/* Listed by those flags are these names, in order: "g s t". */
void lists(struct host *host, guint flags, const char *want);
enum xf_domain_state state_of(struct host *host, const char *name,
                              int *reason);
gboolean persistent(struct host *host, const char *name);
gboolean runs(struct host *host, const char *name);
gboolean g_runs(struct host *host);
gboolean s_runs(struct host *host);
/* Is there no guest "g"? */
gboolean is_gone(struct host *host);
/* How many files its store has that end so. */
guint files(struct host *host, const char *suffix);
void put_file(struct host *host, const char *name, const char *text);

/* "g" is stored at its source, to be started with it, and has been sent; it
 * is not known there how that went. */
void sent(struct walk *walk);
/* Neither start nor create start "g". */
void refuses_to_start(struct host *host, int code, const char *text);

#endif
