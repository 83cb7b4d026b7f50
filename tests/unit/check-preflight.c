/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What in a configuration keeps a domain from moving. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/common.h"
#include "tests/unit/messages.h"
#include "xen/internal.h"

static void
add_pci(libxl_domain_config *c)
{
    c->pcidevs = calloc(1, sizeof(*c->pcidevs));
    libxl_device_pci_init(c->pcidevs);
    c->num_pcidevs = 1;
}

static void
add_usb(libxl_domain_config *c)
{
    c->usbdevs = calloc(1, sizeof(*c->usbdevs));
    libxl_device_usbdev_init(c->usbdevs);
    c->num_usbdevs = 1;
}

static void
add_vtpm(libxl_domain_config *c)
{
    c->vtpms = calloc(1, sizeof(*c->vtpms));
    libxl_device_vtpm_init(c->vtpms);
    c->num_vtpms = 1;
}

static void
add_vnuma(libxl_domain_config *c)
{
    c->b_info.vnuma_nodes = calloc(1, sizeof(*c->b_info.vnuma_nodes));
    libxl_vnode_info_init(c->b_info.vnuma_nodes);
    c->b_info.num_vnuma_nodes = 1;
}

static void
forbid(libxl_domain_config *c)
{
    libxl_defbool_set(&c->b_info.disable_migrate, true);
}

static void
allow(libxl_domain_config *c)
{
    libxl_defbool_set(&c->b_info.disable_migrate, false);
}

static void
add_disk_and_nic(libxl_domain_config *c)
{
    c->disks = calloc(1, sizeof(*c->disks));
    libxl_device_disk_init(c->disks);
    c->num_disks = 1;
    c->nics = calloc(1, sizeof(*c->nics));
    libxl_device_nic_init(c->nics);
    c->num_nics = 1;
}

static const struct {
    void (*change)(libxl_domain_config *c);
    const char *word;           /* in the refusal; NULL: it may move */
} rows[] = {
    { add_pci, "PCI" },
    { add_usb, "USB" },
    { add_vtpm, "TPM" },
    { add_vnuma, "NUMA" },
    { forbid, "nomigrate" },
    { allow, NULL },
    { add_disk_and_nic, NULL },
};

START_TEST(configurations)
{
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) err = NULL;
        libxl_domain_config config;

        libxl_domain_config_init(&config);
        config.c_info.name = strdup("a-guest");
        libxl_domain_build_info_init_type(&config.b_info,
                                          LIBXL_DOMAIN_TYPE_HVM);
        rows[i].change(&config);

        gboolean movable = xf_libxl_movable(&config, &err);

        ck_assert_msg(movable == !rows[i].word, "row %u", (guint)i);
        if (!movable) {
            ck_assert(g_error_matches(err, XF_ERROR,
                                      XF_ERROR_CONFIG_UNSUPPORTED));
            ck_assert_ptr_nonnull(strstr(err->message, rows[i].word));
            ck_assert_ptr_nonnull(strstr(err->message, "a-guest"));
            xf_messages_hear(err->message);
        }
        libxl_domain_config_dispose(&config);
    }
}
END_TEST

/* -- the domain and its host ----------------------------------------------- */

/* Beside the domain itself there is a "left--migratedaway". */
static gboolean
is_there(void *user, const char *name)
{
    return strcmp(name, "left--migratedaway") == 0;
}

#define D(flag) .domain_flag = offsetof(struct xf_hv_domain, flag)
#define L(flag) .flipped = offsetof(struct xf_leaving, flag)
#define ALSO(flag) .flipped_too = offsetof(struct xf_leaving, flag)
#define PV .type = XF_GUEST_PV
#define HVM .type = XF_GUEST_HVM

/* How it differs from a PVH guest that runs on a host that has all. */
static const struct {
    enum xf_guest_type type;
    const char *name;
    gsize domain_flag, flipped, flipped_too;    /* offsets; 0: none */
    double age;
    guint64 room_kib;           /* 0: there is enough */
    const char *word;           /* in the refusal; NULL: it may leave */
} leavings[] = {
    { .name = "guest" },
    { .name = "Domain-0", .word = "domain 0 is the host itself" },
    { L(suspending), .word = "domain 7 is on its way already" },
    { D(dying), .word = "it is being destroyed" },
    { D(crashed), .word = "it has crashed" },
    { D(shutdown), .word = "it has shut down" },
    { D(suspended), .word = "it is suspended: another" },
    /* while it boots, and after; HVM can be forced */
    { L(says_suspend), .age = 5, .word = "domain 'guest' cannot move yet: its "
      "kernel has not said that it can be suspended" },
    { L(says_suspend), ALSO(has_drivers), .age = 5 },
    { L(says_suspend), .age = 61 },
    { HVM, L(says_suspend), .age = 5 },
    /* what the host must have */
    { L(has_save_helper), .word = "libxl-save-helper, is not where it was" },
    { L(has_shadow) },
    { PV },
    { PV, L(has_shadow), .word = "cannot move live: it is a PV guest, and "
      "this host's Xen is built without" },
    { PV, L(has_shadow), ALSO(live) },
    { .room_kib = 1 },
    { HVM, .room_kib = 16384 },
    { HVM, .room_kib = 16383, .word = "written to '/var/lib/xen', where 16383 "
      "KiB are free and 16384 KiB are needed; make room" },
    /* names that a migration gives */
    { .name = "guest--migrated" },
    { .name = "guest--migratedaway", .word = "'guest--migratedaway' cannot "
      "move: that is the name of a copy" },
    { .name = "guest--incoming", .word = "that is the name of a copy" },
    { .name = "left", .word = "'left' cannot move: there is a "
      "'left--migratedaway' here too" },
};

static void
flip(void *base, gsize offset)
{
    gboolean *flag = (gboolean *)((char *)base + offset);

    if (offset)
        *flag = !*flag;
}

START_TEST(domains_may_leave)
{
    for (gsize i = 0; i < G_N_ELEMENTS(leavings); i++) {
        const char *word = leavings[i].word;
        const char *name = leavings[i].name ? leavings[i].name : "guest";
        struct xf_hv_domain domain = { .type = XF_GUEST_PVH };
        struct xf_leaving leaving = {
            .domain = &domain, .live = TRUE, .says_suspend = TRUE,
            .has_shadow = TRUE, .has_save_helper = TRUE,
            .libxl_dir_kib = leavings[i].room_kib ? leavings[i].room_kib
                                                  : G_MAXUINT64,
            .is_there = is_there, .age = leavings[i].age,
        };
        g_autoptr(GError) err = NULL;

        domain.domid = strcmp(name, "Domain-0") == 0 ? 0 : 7;
        g_strlcpy(domain.name, name, sizeof(domain.name));
        if (leavings[i].type)
            domain.type = leavings[i].type;
        flip(&domain, leavings[i].domain_flag);
        flip(&leaving, leavings[i].flipped);
        flip(&leaving, leavings[i].flipped_too);
        ck_assert_msg(xf_libxl_may_leave(&leaving, &err) == !word,
                      "row %zu: %s", i, err ? err->message : "may leave");
        if (word) {
            xf_messages_hear(err->message);
            ck_assert_msg(strstr(err->message, word), "row %zu: %s", i,
                          err->message);
        }
    }
}
END_TEST

#define TESTS configurations, domains_may_leave

/* Whoever adds a message adds a row. */
START_TEST(every_message_is_seen)
{
    static const struct xf_message_call call = {
        "g_set_error(err, XF_ERROR, ", 1, "*"
    };
    const TTest *const others[] = { TESTS, NULL };
    guint missing = 0;

    XF_MESSAGES_RUN_ALL(others);
    ck_assert_uint_ge(xf_messages_check(XEN_DIR "/preflight.c", &call,
                                        &missing), 9);
    ck_assert_msg(missing == 0, "%u messages are in no row", missing);
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = { TESTS, every_message_is_seen, NULL };

    return xf_unit_main("preflight", tests);
}
