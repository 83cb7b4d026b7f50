/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What in a configuration keeps a domain from moving. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/common.h"
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
        }
        libxl_domain_config_dispose(&config);
    }
}
END_TEST

/* -- names ----------------------------------------------------------------- */

/* Beside the domain itself there is a "left--migratedaway". */
static gboolean
is_there(void *user, const char *name)
{
    return strcmp(name, user) == 0;
}

static const struct {
    const char *name;
    const char *word;           /* in the refusal; NULL: it may move */
} names[] = {
    { "guest", NULL },
    { "guest--migrated", NULL },
    { "guest--migratedaway", "'guest--migratedaway' cannot move: that is the "
                             "name of a copy" },
    { "guest--incoming", "that is the name of a copy" },
    { "left", "'left' cannot move: there is a 'left--migratedaway' here" },
};

START_TEST(passing_names)
{
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autoptr(GError) err = NULL;
        gboolean ok = xf_libxl_name_settled(names[i].name, is_there,
                                            (void *)"left--migratedaway",
                                            &err);

        ck_assert_msg(ok == !names[i].word, "%s", names[i].name);
        if (ok)
            continue;
        ck_assert(g_error_matches(err, XF_ERROR,
                                  XF_ERROR_OPERATION_INVALID));
        ck_assert_msg(strstr(err->message, names[i].word), "%s",
                      err->message);
    }
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = { configurations, passing_names, NULL };

    return xf_unit_main("preflight", tests);
}
