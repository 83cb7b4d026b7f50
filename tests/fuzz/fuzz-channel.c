/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Any bytes as the peer of a handshake: the first byte says which side we
 * are ('s': the server, else the client), the rest is what the peer sends.
 *
 * Random numbers are constant here, so that seeds can hold proofs that are
 * right and the search gets past them.
 */
#include "config.h"

#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/channel-private.h"
#include "tests/fuzz/fuzz.h"

#define INPUT_MAX 4096          /* fits into a socket's buffer */
#define TOKEN "0123456789abcdef0123456789abcdef"
#define CLIENT_SENDS 92         /* preamble, proof */
#define SERVER_SENDS 66         /* verdict, nonce, proof, verdict */

ssize_t
getrandom(void *buf, size_t len, unsigned flags)
{
    memset(buf, 0x51, len);
    return len;
}

static gboolean
key(void *user, enum xf_channel_purpose purpose, const char *token,
    guint8 *out)
{
    g_assert(xf_token_valid(token));
    g_assert(purpose >= XF_CHANNEL_STREAM
             && purpose < XF_CHANNEL_PURPOSE_LAST);
    memset(out, 0x4b, XF_KEY_LEN);
    return strcmp(token, TOKEN) == 0;
}

static gboolean
serve(int fd, const struct xf_patience *patience, GError **err)
{
    const struct xf_channel_handler handler = { .key = key };
    struct xf_channel_caller caller = { 0 };

    if (!xf_channel_answer(fd, &handler, NULL, NULL, patience, &caller, err))
        return FALSE;
    g_assert_cmpstr(caller.token, ==, TOKEN);
    return TRUE;
}

static gboolean
call(int fd, const struct xf_patience *patience, GError **err)
{
    guint8 secret[XF_KEY_LEN];

    memset(secret, 0x4b, sizeof(secret));
    return xf_channel_greet(fd, XF_CHANNEL_STREAM, TOKEN, secret, patience,
                            err);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct xf_patience patience = xf_patience_ms(5000, -1);
    g_autoptr(GError) err = NULL;
    int fds[2], left = -1;

    if (size < 1 || size > INPUT_MAX)
        return 0;

    gboolean server = *data++ == 's';

    size--;
    g_assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    g_assert(write(fds[0], data, size) == (ssize_t)size);
    g_assert(shutdown(fds[0], SHUT_WR) == 0);

    gboolean ok = server ? serve(fds[1], &patience, &err)
                         : call(fds[1], &patience, &err);

    g_assert(ok == (err == NULL));
    g_assert(ioctl(fds[1], FIONREAD, &left) == 0);
    /* what comes after the handshake is left for the stream's reader */
    if (ok)
        g_assert(size - left == (server ? CLIENT_SENDS : SERVER_SENDS));
    close(fds[0]);
    close(fds[1]);
    return 0;
}
