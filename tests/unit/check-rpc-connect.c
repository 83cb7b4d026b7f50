/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Connecting to a daemon that has more clients waiting than it can keep. */
#include "config.h"

#include "protocol/rpc/client.h"
#include "tests/unit/common.h"

#include <glib/gstdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_un address;
static char *dir;

/* A listener without room, and the client that takes the last place. */
static int
listen_full(int *client)
{
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    dir = g_dir_make_tmp("check-connect.XXXXXX", NULL);
    address.sun_family = AF_UNIX;
    g_snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", dir);
    ck_assert(!bind(listener, (struct sockaddr *)&address, sizeof(address)));
    ck_assert(!listen(listener, 0));
    *client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert(!connect(*client, (struct sockaddr *)&address,
                       sizeof(address)));
    return listener;
}

static void
forget(void)
{
    g_unlink(address.sun_path);
    g_rmdir(dir);
    g_free(dir);
}

static gpointer
open_thread(gpointer data)
{
    const struct xf_remote_config *config = data;
    g_autofree char *uri = g_strdup_printf("xen+unix:///system?socket=%s",
                                           address.sun_path);
    GError *err = NULL;

    ck_assert(!xf_remote_open_config(uri, config, &err));
    return err;
}

START_TEST(waits_no_longer_than_told)
{
    struct xf_remote_config config = { .open_timeout_ms = 50 };
    int client;
    int listener = listen_full(&client);
    g_autoptr(GError) err = open_thread(&config);

    ck_assert(g_error_matches(err, XF_ERROR, XF_ERROR_TIMEOUT));
    close(client);
    close(listener);
    forget();
}
END_TEST

/* Once there is room it is connected: the server that then hangs up is what
 * it complains of. */
START_TEST(waits_for_room)
{
    struct xf_remote_config config = { .open_timeout_ms = 30000 };
    int client;
    int listener = listen_full(&client);
    GThread *thread = g_thread_new("open", open_thread, &config);

    for (int i = 0; i < 2; i++)
        close(accept(listener, NULL, NULL));

    g_autoptr(GError) err = g_thread_join(thread);

    ck_assert(g_error_matches(err, XF_ERROR, XF_ERROR_NO_CONNECT));
    ck_assert(!g_strrstr(err->message, "cannot connect"));
    close(client);
    close(listener);
    forget();
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        waits_no_longer_than_told,
        waits_for_room,
        NULL
    };

    return xf_unit_main("rpc-connect", tests);
}
