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

int
main(void)
{
    const TTest *const tests[] = { configurations, NULL };

    return xf_unit_main("preflight", tests);
}
