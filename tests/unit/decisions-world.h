/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A decisions log in a folder of its own, for one test. */
#ifndef TESTS_UNIT_DECISIONS_WORLD_H
#define TESTS_UNIT_DECISIONS_WORLD_H

#include "protocol/decisions.h"

extern char *log_dir, *log_file;
extern struct xf_decisions *the_log;    /* NULL while none is open */

/* A fixture: the folder with an open log; closed and gone. */
void log_set_up(void);
void log_tear_down(void);
/* As a daemon that was started again. */
void log_open_again(void);

/* The decision of handoff `number`, each field another one for each; the
 * texts are constants. */
struct xf_decision log_decision(enum xf_decision_kind kind, guint number);
gboolean log_add(enum xf_decision_kind kind, guint number, GError **err);
void log_must_add(enum xf_decision_kind kind, guint number);
/* With every field as log_decision() made it. */
void log_must_have(enum xf_decision_kind kind, guint number);
gboolean log_has(guint number);
void log_acknowledge(guint number);
/* The file's bytes, to be freed with g_free(). */
char *log_contents(gsize *len);

#endif
