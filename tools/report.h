/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is said of a migration that is over: exit status, text, JSON. */
#ifndef XF_TOOLS_REPORT_H
#define XF_TOOLS_REPORT_H

#include "tools/move.h"

enum xf_exit xf_report_exit(const struct xf_move_report *report);

/* Errors and warnings go to stderr; the outcome to stdout, as text or as one
 * JSON object.  `uri` is the source's. */
void xf_report_tell(const char *uri, const struct xf_move_request *request,
                    const struct xf_move_report *report, gboolean json);

#endif
