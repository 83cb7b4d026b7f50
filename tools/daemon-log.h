/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon's voice: its log on stderr, and its word to the service
 * manager. */
#ifndef XF_TOOLS_DAEMON_LOG_H
#define XF_TOOLS_DAEMON_LOG_H

#include <glib.h>

/* From now on g_log() goes to stderr, one write() a line.  When stderr is
 * the journal, each line begins with its level as <N>. */
void xf_daemon_log_init(void);
/* Debug and info messages too. */
void xf_daemon_log_verbose(void);

/* Tells the service manager, if there is one (NOTIFY_SOCKET); `state` as in
 * sd_notify(3). */
void xf_daemon_notify(const char *state);

#endif
