/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A simulated host that has only xl, one command of it at a time; its wire is
 * written down here anew, not taken from compat/.
 *
 *   xl-peer migrate-receive HOST-DIR FAULT [-p]     on stdin and stdout
 *   xl-peer migrate HOST-DIR NAME FAULT COMMAND...  over COMMAND's
 *   xl-peer create HOST-DIR NAME UUID
 *   xl-peer destroy HOST-DIR NAME
 *
 * FAULT is none, or STEP:HOW, or some with commas.  A step is a message that it writes (banner,
 * ready, report, status, back; header, config, stream, go) or a moment: at
 * take, before what the other end sends is read; at run, before its copy is
 * let run (or, sending: before it looks for the report).  HOW is
 *   cut       it ends there, and says no more; what it has stays as it is
 *   half      ... in the middle of that message
 *   garble    that message has one byte wrong, and it goes on
 *   silent    it says no more, and waits for the other end to go
 *   fail      at run: xl cannot unpause it
 *
 * Exit status: 0 moved; 1 it knows that it has not; 3 "failed badly": xl would
 * leave it to a person.
 */
#include "config.h"

#include "protocol/error.h"
#include "tests/sim/sim.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define BANNER "xl migration receiver ready, send binary domain data.\n"
#define READY "domain received, ready to unpause"
#define GO "domain is yours, you are cleared to unpause"
#define REPORT "my copy unpause results are as follows"
#define MAGIC "Xen saved domain, xl format\n \0 \r"

enum { MOVED = 0, NOT_MOVED = 1, BADLY = 3 };

static int in = STDIN_FILENO, out = STDOUT_FILENO;
static char **faults;

static gboolean
faulty(const char *step, const char *how)
{
    g_autofree char *fault = g_strconcat(step, ":", how, NULL);

    return faults && g_strv_contains((const char *const *)faults, fault);
}

static gboolean
get(void *data, gsize len)
{
    for (gsize at = 0; at < len;) {
        gssize r = read(in, (char *)data + at, len - at);

        if (r <= 0)
            return FALSE;
        at += r;
    }
    return TRUE;
}

static gboolean
expect(const char *text, gsize len)
{
    char got[64];

    return get(got, len) && !memcmp(got, text, len);
}

/* Until the other end goes, too. */
static void
wait_for_the_end(void)
{
    char byte;

    while (read(in, &byte, 1) > 0)
        ;
}

/* FALSE: this end is over, by the fault or because nobody listens. */
static gboolean
put(const char *step, const void *data, gsize len)
{
    g_autofree char *bytes = g_memdup2(data, len);

    if (faulty(step, "silent"))
        wait_for_the_end();
    if (faulty(step, "cut") || faulty(step, "silent"))
        return FALSE;
    if (faulty(step, "garble"))
        bytes[len / 2] = 1;
    if (faulty(step, "half"))
        len /= 2;
    return write(out, bytes, len) == (gssize)len && !faulty(step, "half");
}

/* -- xl migrate-receive -- */

struct config {
    char magic[32];
    guint32 order, mandatory, optional, len, config_len;
};

static char *
get_config(void)
{
    struct config head;
    char *text;

    if (!get(&head, sizeof(head)) || memcmp(head.magic, MAGIC, 32)
        || head.order != 0x01020304 || head.mandatory != 3 || head.optional
        || head.len != head.config_len + 4)
        return NULL;
    text = g_malloc(head.config_len);
    if (get(text, head.config_len) && !text[head.config_len - 1])
        return text;
    g_free(text);
    return NULL;
}

static int
failed(struct xf_hypervisor *hv, struct xf_incoming *incoming, guint8 status)
{
    if (!hv->ops->destroy(hv, incoming->domid, NULL))
        return BADLY;
    if (!put("report", REPORT, sizeof(REPORT)) || !put("status", &status, 1)
        || !put("back", GO, sizeof(GO)))
        return BADLY;
    return NOT_MOVED;
}

static int
hand_over(struct xf_hypervisor *hv, struct xf_incoming *incoming,
          gboolean paused)
{
    const guint8 ok = 0;

    if (!put("ready", READY, sizeof(READY)))
        return BADLY;
    if (faulty("take", "cut"))
        return BADLY;
    if (!expect(GO, sizeof(GO)))
        return failed(hv, incoming, 0xff);
    if (faulty("run", "cut"))
        return BADLY;
    if (faulty("run", "fail"))
        return failed(hv, incoming, 3);
    if (!hv->ops->incoming_switch(incoming, paused, NULL))
        return failed(hv, incoming, 3);
    return put("report", REPORT, sizeof(REPORT)) && put("status", &ok, 1)
               ? MOVED : BADLY;
}

static int
migrate_receive(struct xf_hypervisor *hv, gboolean paused)
{
    g_autoptr(GError) err = NULL;
    g_autofree char *xml = NULL;
    struct xf_incoming *incoming;
    int result = NOT_MOVED;

    if (!put("banner", BANNER, sizeof(BANNER) - 1) || faulty("config", "cut"))
        return NOT_MOVED;
    xml = get_config();
    if (faulty("config", "silent"))
        wait_for_the_end();
    incoming = xml && !faulty("stream", "cut")
                   ? hv->ops->incoming_create(hv, xml, NULL, &err) : NULL;
    if (incoming && hv->ops->incoming_stream(incoming, in, &err)
        && hv->ops->incoming_devices(incoming, &err))
        result = hand_over(hv, incoming, paused);
    else
        fprintf(stderr, "xl-peer: %s\n",
                err ? err->message : "no configuration");
    if (incoming)
        hv->ops->incoming_free(incoming);
    return result;
}

/* -- xl migrate -- */

static int
find(struct xf_hypervisor *hv, const char *name)
{
    g_autoptr(GPtrArray) all = hv->ops->list(hv, NULL);

    for (guint i = 0; all && i < all->len; i++) {
        const struct xf_hv_domain *domain = all->pdata[i];

        if (!strcmp(domain->name, name))
            return domain->domid;
    }
    fprintf(stderr, "xl-peer: no domain '%s'\n", name);
    exit(EXIT_FAILURE);
}

static gboolean
put_config(const char *xml)
{
    struct config head = {
        .order = 0x01020304,
        .mandatory = 3,
        .len = strlen(xml) + 5,
        .config_len = strlen(xml) + 1,
    };

    memcpy(head.magic, MAGIC, 32);
    return put("header", &head, sizeof(head))
           && put("config", xml, head.config_len);
}

/* -1: it still has its domain. */
static int
cleared(void)
{
    guint8 status;

    if (faulty("take", "cut"))
        return BADLY;
    if (!expect(READY, sizeof(READY)))
        return -1;
    if (!put("go", GO, sizeof(GO)) || faulty("run", "cut")
        || !expect(REPORT, sizeof(REPORT))
        || !get(&status, 1))
        return BADLY;
    if (!status)
        return MOVED;
    return expect(GO, sizeof(GO)) ? NOT_MOVED : BADLY;
}

static int
send_it(struct xf_hypervisor *hv, int domid, const char *xml)
{
    gboolean paused = FALSE;
    int result = -1;

    if (!expect(BANNER, sizeof(BANNER) - 1) || !put_config(xml)
        || faulty("stream", "cut"))
        return NOT_MOVED;
    if (hv->ops->suspend(hv, domid, out, XF_SUSPEND_LIVE, NULL, &paused,
                         NULL)
        == XF_SUSPEND_DONE)
        result = cleared();
    if (result == MOVED)
        hv->ops->destroy(hv, domid, NULL);
    else if (result != BADLY)
        hv->ops->resume(hv, domid, paused, NULL);
    return result < 0 ? NOT_MOVED : result;
}

static pid_t
start(char **command)
{
    int to[2], from[2];
    pid_t pid;

    if (pipe(to) < 0 || pipe(from) < 0 || (pid = fork()) < 0)
        exit(EXIT_FAILURE);
    if (!pid) {
        dup2(to[0], STDIN_FILENO);
        dup2(from[1], STDOUT_FILENO);
        for (int fd = STDERR_FILENO + 1; fd < 64; fd++)
            close(fd);
        execv(command[0], command);
        _exit(127);
    }
    close(to[0]);
    close(from[1]);
    in = from[0];
    out = to[1];
    return pid;
}

static int
migrate(struct xf_hypervisor *hv, const char *name, char **command)
{
    int domid = find(hv, name);
    g_autofree char *xml = hv->ops->describe(hv, domid, 0, NULL);
    pid_t pid = start(command);
    int result = xml ? send_it(hv, domid, xml) : NOT_MOVED;

    close(out);
    if (faulty("take", "cut") || faulty("run", "cut"))
        close(in);
    else
        wait_for_the_end();
    waitpid(pid, NULL, 0);
    return result;
}

/* -- all -- */

static int
create(struct xf_hypervisor *hv, const char *name, const char *uuid)
{
    g_autofree char *xml = xf_sim_xml(name, uuid, "xenpvh", 128);

    return hv->ops->create(hv, xml, FALSE, NULL) < 0;
}

int
main(int argc, char **argv)
{
    const char *what = argc > 2 ? argv[1] : "";
    g_autoptr(GError) err = NULL;
    struct xf_hypervisor *hv;
    int result = EXIT_FAILURE;

    signal(SIGPIPE, SIG_IGN);
    hv = argc > 2 ? xf_sim_new(argv[2], &err) : NULL;
    if (!hv) {
        fprintf(stderr, "xl-peer: %s\n", err ? err->message : "usage");
        return EXIT_FAILURE;
    }
    if (!strcmp(what, "migrate-receive") && argc > 3) {
        faults = g_strsplit(argv[3], ",", -1);
        result = migrate_receive(hv, argc > 4 && !strcmp(argv[4], "-p"));
    } else if (!strcmp(what, "migrate") && argc > 5) {
        faults = g_strsplit(argv[4], ",", -1);
        result = migrate(hv, argv[3], argv + 5);
    } else if (!strcmp(what, "create") && argc > 4) {
        result = create(hv, argv[3], argv[4]);
    } else if (!strcmp(what, "destroy") && argc > 3) {
        result = !hv->ops->destroy(hv, find(hv, argv[3]), &err);
    }
    g_strfreev(faults);
    hv->ops->free(hv);
    return result;
}
