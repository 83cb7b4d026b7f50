/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Domains without a name: xenstored was killed, which keeps names in memory
 * only, or a daemon was, while it made one.  The hypervisor knows uuids.  And
 * some whose name another domain has got meanwhile.
 */
#include "config.h"

#include "tests/unit/engine-world.h"

#include <string.h>

/* The daemon dies at the destination, and xenstored with it. */
static void
all_is_forgotten(void)
{
    host_stop(&dst);
    host_forgets(&dst);
    xf_sim_forget_names(dst.dir);
    host_start(&dst);
}

static guint
domains_on(struct host *host)
{
    g_autoptr(GPtrArray) domains = xf_sim_domains(host->dir);

    return domains->len;
}

static gboolean
is_empty(struct host *host)
{
    return domains_on(host) == 0;
}

/* Of another toolstack, in the middle of a move, with a uuid of its own. */
static int
theirs(void)
{
    g_autofree char *xml = xf_sim_xml(
        "x", "20112233-4455-6677-8899-aabbccddeeff", "xenpvh", 64);

    return dst.hv->ops->create(dst.hv, xml, TRUE, NULL);
}

/* It is in no log, so it was never committed: it goes, and nothing else. */
START_TEST(before_the_commit)
{
    struct walk walk;
    int other = theirs();

    ck_assert_int_gt(other, 0);
    walk_init(&walk);
    walk_to_performed(&walk);
    all_is_forgotten();
    ck_assert_uint_eq(domains_on(&dst), 1);
    ck_assert(dst.hv->ops->destroy(dst.hv, other, NULL));
    ck_assert(!walk_finish(&walk, FALSE));
    ck_assert_msg(walk_confirm(&walk, TRUE, NULL), "%s", walk.err->message);
    settled_on(&src);
    moves_from(&src);
    walk_clear(&walk);
}
END_TEST

/* It is the only copy, and paused: to be without a name is not to have
 * ended. */
START_TEST(before_the_switch)
{
    struct walk walk;

    walk_init(&walk);
    walk_to_performed(&walk);
    xf_sim_fault(dst.dir, "host", "rename", "fail*1");
    ck_assert(!walk_finish(&walk, FALSE));
    all_is_forgotten();
    ck_assert(walk_confirm(&walk, TRUE, NULL));
    settled_on(&dst);
    moves_from(&dst);
    walk_clear(&walk);
}
END_TEST

/* The same with the record there. */
START_TEST(before_the_switch_with_its_record)
{
    struct walk walk;

    walk_init(&walk);
    walk_to_performed(&walk);
    xf_sim_fault(dst.dir, "host", "rename", "fail*1");
    ck_assert(!walk_finish(&walk, FALSE));
    host_stop(&dst);
    xf_sim_forget_names(dst.dir);
    host_start(&dst);
    ck_assert(walk_confirm(&walk, TRUE, NULL));
    settled_on(&dst);
    moves_from(&dst);
    walk_clear(&walk);
}
END_TEST

/* It runs: what its administrator does with it then is not undone. */
START_TEST(after_the_switch)
{
    struct walk walk;
    struct xf_hv_domain info;

    walk_init(&walk);
    walk_to_performed(&walk);
    ck_assert_msg(walk_finish(&walk, FALSE), "%s", walk.err->message);
    ck_assert(xf_sim_find(dst.dir, "g", &info));
    ck_assert(dst.hv->ops->pause(dst.hv, info.domid, NULL));
    all_is_forgotten();
    ck_assert_msg(walk_confirm(&walk, TRUE, NULL), "%s", walk.err->message);
    wait_for(is_empty, &src);
    wait_for(no_records, &dst);
    ck_assert(dst.hv->ops->info(dst.hv, info.domid, &info, NULL));
    ck_assert(info.paused);
    walk_clear(&walk);
}
END_TEST

/* A copy that was made when its daemon died, and not named yet: it is in the
 * way of the next one unless it goes. */
START_TEST(made_and_not_named_yet)
{
    g_autofree char *xml = xf_sim_xml("made", GUEST_UUID, "xenpvh", 64);
    struct walk walk;

    walk_init(&walk);
    ck_assert_msg(walk_begin(&walk), "%s", walk.err->message);
    ck_assert_msg(walk_prepare(&walk), "%s", walk.err->message);
    host_dies_in(&dst, "receiving");
    ck_assert_int_gt(dst.hv->ops->create(dst.hv, xml, TRUE, NULL), 0);
    xf_sim_forget_names(dst.dir);
    host_start(&dst);
    wait_for(is_empty, &dst);
    ck_assert(!walk_perform(&walk));
    settled_on(&src);
    moves_from(&src);
    walk_clear(&walk);
}
END_TEST

/* -- the name is another's by then -- */

/* The domid of another "g" that runs there, as xl makes one. */
static int
namesake(struct host *host)
{
    g_autofree char *xml = xf_sim_xml(
        "g", "20112233-4455-6677-8899-aabbccddeeff", "xenpvh", 64);
    int domid = host->hv->ops->create(host->hv, xml, FALSE, NULL);

    ck_assert_int_gt(domid, 0);
    return domid;
}

/* The guest, which has but its temporary name. */
static struct xf_hv_domain
arrived(struct host *host)
{
    struct xf_hv_domain info = { .domid = -1 };

    ck_assert(xf_sim_find(host->dir, "g" XF_INCOMING_SUFFIX, &info));
    return info;
}

/* It is committed, and is given its name as soon as that is free: what its
 * administrator does meanwhile is not undone. */
START_TEST(paused_while_it_waits_for_its_name)
{
    struct walk walk;
    struct xf_hv_domain info;

    walk_init(&walk);
    walk_to_performed(&walk);

    int other = namesake(&dst);

    ck_assert(!walk_finish(&walk, FALSE));
    walk_said(&walk, XF_ERROR_DOM_EXIST, "is committed here");
    info = arrived(&dst);
    ck_assert(!info.paused);
    ck_assert(dst.hv->ops->pause(dst.hv, info.domid, NULL));
    ck_assert(!walk_finish(&walk, FALSE));
    ck_assert(arrived(&dst).paused);
    ck_assert(dst.hv->ops->destroy(dst.hv, other, NULL));
    ck_assert_msg(walk_finish(&walk, FALSE), "%s",
                  walk.err ? walk.err->message : "");
    ck_assert(guest_on(&dst, &info) && info.paused);
    ck_assert(walk_confirm(&walk, FALSE, walk.finish));
    ck_assert(dst.hv->ops->unpause(dst.hv, info.domid, NULL));
    settled_on(&dst);
    walk_clear(&walk);
}
END_TEST

struct restore {
    char *file;
    gboolean ok;
    GError *err;
};

static gpointer
restore_main(gpointer data)
{
    struct restore *restore = data;

    restore->ok = src.conn->driver->domain_restore(src.conn, restore->file, 0,
                                                   &restore->err);
    return NULL;
}

/* Saved and restored, with another domain of its name before the switch. */
static void
restored_beside_a_namesake(struct restore *restore, guint flags)
{
    XF_AUTO(xf_domain_ref) *dom =
        src.conn->driver->lookup_by_name(src.conn, "g", NULL);

    restore->file = g_build_filename(src.dir, "saved", NULL);
    ck_assert_msg(src.conn->driver->domain_save(src.conn, dom, restore->file,
                                                flags, &restore->err),
                  "%s", restore->err ? restore->err->message : "");
    xf_sim_fault(src.dir, "host", "devices", "hang");

    GThread *thread = g_thread_new("restore", restore_main, restore);

    ck_assert(xf_sim_wait_hits(src.dir, "devices", 1, DEADLINE_MS));

    int other = namesake(&src);

    xf_sim_fault(src.dir, "host", "devices", NULL);
    g_thread_join(thread);
    ck_assert(!restore->ok);
    ck_assert(src.hv->ops->destroy(src.hv, other, NULL));
}

static void
restore_clear(struct restore *restore)
{
    g_free(restore->file);
    g_clear_error(&restore->err);
}

/* It runs, and its disks go on: it is not destroyed, not even by the next
 * start of the daemon, and what to do is said. */
START_TEST(restored_without_its_name)
{
    struct restore restore = { 0 };

    restored_beside_a_namesake(&restore, 0);
    err_said(restore.err, XF_ERROR_DOM_EXIST, "Do not restore it again");

    struct xf_hv_domain info = arrived(&src);
    g_autofree char *advice = g_strdup_printf("xl rename %d g", info.domid);

    ck_assert(!info.paused);
    err_said(restore.err, XF_ERROR_DOM_EXIST, advice);
    ck_assert(src.hv->ops->pause(src.hv, info.domid, NULL));
    host_stop(&src);
    host_start(&src);
    ck_assert(arrived(&src).paused);
    ck_assert(src.hv->ops->destroy(src.hv, info.domid, NULL));
    restore_clear(&restore);
}
END_TEST

/* One that has never run goes, and can be restored again. */
START_TEST(restored_paused_without_its_name)
{
    struct restore restore = { 0 };
    struct xf_hv_domain info;

    restored_beside_a_namesake(&restore, XF_SAVE_PAUSED);
    err_said(restore.err, XF_ERROR_DOM_EXIST, "has that name");
    ck_assert(!strstr(restore.err->message, "Do not restore"));
    ck_assert(!xf_sim_find(src.dir, "g" XF_INCOMING_SUFFIX, &info));
    g_clear_error(&restore.err);
    restore_main(&restore);
    ck_assert_msg(restore.ok, "%s", restore.err ? restore.err->message : "");
    ck_assert(guest_on(&src, &info) && info.paused);
    restore_clear(&restore);
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        before_the_commit,
        before_the_switch,
        before_the_switch_with_its_record,
        after_the_switch,
        made_and_not_named_yet,
        paused_while_it_waits_for_its_name,
        restored_without_its_name,
        restored_paused_without_its_name,
        NULL
    };

    return xf_unit_main_fixture("names", tests, world_setup, world_teardown);
}
