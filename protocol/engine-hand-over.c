/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The end of a stream, as its source tells it: what comes between the last
 * byte and Perform's answer. */
#include "config.h"

#include "protocol/engine-private.h"
#include "protocol/fault.h"

/* Sends the end and awaits the answer.  TRUE: the destination has it all;
 * *revoked: it said that it never will. */
static gboolean
send_end(struct xf_handoff *h, int fd, gboolean *revoked, GError **err)
{
    enum xf_channel_msg answer;

    *revoked = FALSE;
    XF_FAULT_FD("end-to-send", fd);
    if (!xf_channel_send(fd, h->paused ? XF_MSG_END_PAUSED : XF_MSG_END, err)
        || XF_FAULT_FAILS("end-sent", err)
        || !xf_channel_recv(fd, h->engine->config.ack_timeout_ms, &answer,
                            err))
        return FALSE;
    XF_FAULT("end-answered");
    *revoked = answer == XF_MSG_REVOKED;
    if (*revoked)
        g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_FAILED,
                    "the destination could not take the domain; its log "
                    "tells why (handoff %s)", h->token);
    else if (answer != XF_MSG_RECEIVED)
        g_set_error(err, XF_ERROR, XF_ERROR_RPC,
                    "the destination answered 0x%02x to the end of the "
                    "stream", answer);
    else
        return TRUE;
    return FALSE;
}

/* In-band: asks the destination to commit.  TRUE: it has. */
static gboolean
ask_commit(struct xf_handoff *h, int fd, gboolean *revoked, GError **err)
{
    enum xf_channel_msg answer;

    XF_FAULT_FD("commit-to-ask", fd);
    if (!xf_channel_send(fd, XF_MSG_COMMIT, err)
        || !xf_channel_recv(fd, h->engine->config.ack_timeout_ms, &answer,
                            err))
        return FALSE;
    if (answer == XF_MSG_COMMITTED)
        return TRUE;
    *revoked = answer == XF_MSG_REVOKED;
    g_set_error(err, XF_ERROR,
                *revoked ? XF_ERROR_OPERATION_FAILED : XF_ERROR_RPC,
                *revoked ? "the destination has revoked its copy; its log "
                           "tells why (handoff %s)"
                         : "the destination gave no answer to the question "
                           "to commit (handoff %s)", h->token);
    return FALSE;
}

gboolean
xf_source_hand_over(struct xf_handoff *h, int fd, gboolean *revoked,
                    GError **err)
{
    if (xf_is_stock(h))
        return xf_stock_hand_over(h, fd, revoked, err);
    return send_end(h, fd, revoked, err)
           && (!h->in_band || ask_commit(h, fd, revoked, err));
}
