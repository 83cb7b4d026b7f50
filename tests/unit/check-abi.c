/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the destination's configuration may change, and what it may not. */
#include "config.h"

#include <json-glib/json-glib.h>
#include <string.h>

#include "protocol/error.h"
#include "tests/unit/common.h"
#include "xen/abi.h"
#include "xen/config-json.h"
#include "xen/domxml.h"

#define HVM "domxml-xl/live-hvm"
#define PVH "domxml-xl/live-pvh"
#define PV "xlcfg/devices"
#define SCREEN "xlcfg/pv-screen"

static JsonNode *
load_tree(const char *name)
{
    g_autofree char *path = g_strconcat(TEST_DATA_DIR, "/", name, ".json",
                                        NULL);
    g_autofree char *text = NULL;
    g_autoptr(GError) err = NULL;
    JsonNode *tree;

    ck_assert_msg(g_file_get_contents(path, &text, NULL, &err), "%s",
                  err ? err->message : "");
    tree = xf_config_json_parse(text, &err);
    ck_assert_msg(tree != NULL, "%s", err ? err->message : "");
    return tree;
}

/* Sets the member at `path` to the JSON `value`, or takes it out. */
static void
edit(JsonNode *tree, const char *path, const char *value)
{
    g_auto(GStrv) segments = g_strsplit(path + 1, "/", -1);
    guint last = g_strv_length(segments) - 1;
    JsonNode *node = tree;

    for (guint i = 0; i < last; i++) {
        node = JSON_NODE_HOLDS_ARRAY(node)
            ? json_array_get_element(json_node_get_array(node),
                                     atoi(segments[i]))
            : json_object_get_member(json_node_get_object(node),
                                     segments[i]);
        ck_assert_msg(node != NULL, "%s is not there", path);
    }
    if (!value)
        json_object_remove_member(json_node_get_object(node),
                                  segments[last]);
    else
        json_object_set_member(json_node_get_object(node), segments[last],
                               json_from_string(value, NULL));
}

static void
load(JsonNode *tree, libxl_domain_config *config)
{
    g_autoptr(GError) err = NULL;

    ck_assert_msg(xf_config_json_load(config, tree, &err), "%s",
                  err ? err->message : "");
}

/* The error's text, or NULL when all is the same. */
static char *
check(const char *name, const char *path, const char *here_value,
      const char *there_value, const char *dname)
{
    g_autoptr(JsonNode) a = load_tree(name);
    g_autoptr(JsonNode) b = load_tree(name);
    g_autoptr(GError) err = NULL;
    libxl_domain_config here, there;

    edit(a, path, here_value);
    edit(b, path, there_value);
    load(a, &here);
    load(b, &there);
    ck_assert_int_eq(xf_abi_same(&here, &there, dname, &err), err == NULL);
    libxl_domain_config_dispose(&here);
    libxl_domain_config_dispose(&there);
    ck_assert(!err || g_error_matches(err, XF_ERROR,
                                      XF_ERROR_CONFIG_UNSUPPORTED));
    return err ? g_strdup(err->message) : NULL;
}

/* A row: which guest, where, what here and what there (NULL: nothing). */
struct row {
    const char *name, *path, *here, *there;
};

static const struct row harmless[] = {
    { HVM, "/disks/0/pdev_path", "\"/a\"", "\"/dev/vg/b\"" },
    { HVM, "/disks/0/format", "\"qcow2\"", "\"raw\"" },
    { HVM, "/disks/0/backend", "\"qdisk\"", NULL },
    { HVM, "/disks/0/script", NULL, "\"block-drbd\"" },
    { HVM, "/disks/0/backend_domname", NULL, "\"storage\"" },
    { HVM, "/nics/0/bridge", "\"xenbr0\"", "\"br1\"" },
    { HVM, "/nics/0/script", NULL, "\"vif-openvswitch\"" },
    { HVM, "/nics/0/ifname", "\"a\"", "\"b\"" },
    { HVM, "/nics/0/rate_bytes_per_interval", NULL, "62500" },
    { HVM, "/b_info/type.hvm/vnc/listen", "\"0.0.0.0\"", "\"127.0.0.1\"" },
    { HVM, "/b_info/type.hvm/vnc/passwd", NULL, "\"x\"" },
    { HVM, "/b_info/type.hvm/serial", "\"pty\"", "\"file:/var/log/x\"" },
    { HVM, "/b_info/type.hvm/serial_list", "[\"pty\",\"null\"]",
      "[\"pty\",\"file:/x\"]" },
    { HVM, "/b_info/type.hvm/boot", "\"c\"", "\"d\"" },
    { HVM, "/b_info/device_model", NULL, "\"/usr/local/bin/qemu\"" },
    { HVM, "/on_crash", "\"restart\"", "\"preserve\"" },
    { PVH, "/b_info/vcpu_hard_affinity", "[[0],[1]]", "[[2],[3]]" },
    { PVH, "/b_info/vcpu_soft_affinity", "[[0],[1]]", NULL },
    { PVH, "/b_info/kernel", "\"/boot/a\"", "\"/boot/b\"" },
    { PVH, "/b_info/sched_params/weight", "256", "512" },
    { PVH, "/c_info/pool_name", NULL, "\"fast\"" },
    { PVH, "/b_info/shadow_memkb", "4096", NULL },
    { SCREEN, "/vfbs/0/vnc/listen", NULL, "\"::\"" },
    { PV, "/channels/0/connection.socket/path", "\"/a\"", "\"/b\"" },
    { PV, "/p9s/0/path", "\"/a\"", "\"/b\"" },
    /* libxl's defaults, said on one side only */
    { HVM, "/b_info/type.hvm/hpet", "\"True\"", NULL },
    { HVM, "/b_info/type.hvm/nx", NULL, "\"True\"" },
    { HVM, "/b_info/acpi", "\"True\"", NULL },
    { HVM, "/b_info/event_channels", "1023", NULL },
    { HVM, "/disks/0/discard_enable", "\"True\"", NULL },
    { HVM, "/nics/0/model", "\"rtl8139\"", NULL },
    { HVM, "/nics/0/mtu", "1492", NULL },
};

START_TEST(the_hosts_own_may_differ)
{
    for (gsize i = 0; i < G_N_ELEMENTS(harmless); i++) {
        const struct row *row = &harmless[i];
        g_autofree char *there = check(row->name, row->path, row->here,
                                       row->there, NULL);
        g_autofree char *back = check(row->name, row->path, row->there,
                                      row->here, NULL);

        ck_assert_msg(!there && !back, "%s: %s", row->path,
                      there ? there : back);
    }
}
END_TEST

static const struct row seen[] = {
    { HVM, "/c_info/uuid", "\"d5b3a1c2-7a61-4f2e-8f7e-0a5d6c7b8e02\"",
      "\"d5b3a1c2-7a61-4f2e-8f7e-0a5d6c7b8e03\"" },
    { HVM, "/c_info/name", "\"win\"", "\"lose\"" },
    { HVM, "/b_info/max_vcpus", "2", "4" },
    { HVM, "/b_info/max_memkb", "1048576", "2097152" },
    { HVM, "/b_info/target_memkb", "1032192", "524288" },
    { HVM, "/b_info/nested_hvm", "\"False\"", "\"True\"" },
    { HVM, "/b_info/tsc_mode", "\"native\"", NULL },
    { HVM, "/b_info/type.hvm/bios", "\"seabios\"", "\"ovmf\"" },
    { HVM, "/b_info/type.hvm/viridian_enable", "[0,2]", "[0]" },
    { HVM, "/b_info/type.hvm/hpet", "\"False\"", NULL },
    { HVM, "/b_info/type.hvm/vga/kind", "\"std\"", "\"cirrus\"" },
    { HVM, "/b_info/type.hvm/serial", "\"pty\"", NULL },
    { HVM, "/b_info/type.hvm/serial_list", "[\"pty\"]",
      "[\"pty\",\"pty\"]" },
    { HVM, "/b_info/type.hvm/usbdevice_list", "[\"tablet\"]", NULL },
    { HVM, "/b_info/type.hvm/mmio_hole_memkb", "2097152", "1048576" },
    { HVM, "/b_info/extra_hvm", NULL, "[\"-device\",\"x\"]" },
    { HVM, "/disks/0/vdev", "\"hda\"", "\"hdb\"" },
    { HVM, "/disks/0/readwrite", "1", NULL },
    { HVM, "/disks/0/is_cdrom", NULL, "1" },
    { HVM, "/disks/0/pdev_path", "\"/a\"", NULL },
    { HVM, "/disks/1/format", "\"empty\"", "\"raw\"" },
    { HVM, "/disks", "[{\"vdev\":\"hda\"},{\"vdev\":\"hdb\"}]",
      "[{\"vdev\":\"hda\"}]" },
    { HVM, "/disks", "[{\"vdev\":\"hda\"},{\"vdev\":\"hdb\"}]",
      "[{\"vdev\":\"hdb\"},{\"vdev\":\"hda\"}]" },
    { HVM, "/nics/0/mac", "\"00:16:3e:00:00:09\"",
      "\"00:16:3e:00:00:0a\"" },
    { HVM, "/nics/0/model", "\"rtl8139\"", "\"e1000\"" },
    { HVM, "/nics/0/model", "\"e1000\"", NULL },
    { HVM, "/nics/0/mtu", "1492", "9000" },
    { HVM, "/nics/0/devid", "0", "3" },
    { HVM, "/nics", "[{\"devid\":0}]", "[{\"devid\":0},{\"devid\":1}]" },
    { HVM, "/vkbs", "[{\"devid\":0}]", NULL },
    { PVH, "/b_info/cpuid", NULL,
      "[{\"leaf\":1,\"ecx\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx0\"}]" },
    { PVH, "/b_info/type.pvh/pvshim", NULL, "\"True\"" },
    { PV, "/channels/0/name", "\"a\"", "\"b\"" },
    { PV, "/p9s/0/tag", "\"a\"", "\"b\"" },
};

START_TEST(what_the_guest_sees_may_not)
{
    for (gsize i = 0; i < G_N_ELEMENTS(seen); i++) {
        const struct row *row = &seen[i];
        g_autofree char *there = check(row->name, row->path, row->here,
                                       row->there, NULL);
        g_autofree char *back = check(row->name, row->path, row->there,
                                      row->here, NULL);

        ck_assert_msg(there && back, "%s from %s to %s", row->path,
                      row->here, row->there);
        g_auto(GStrv) segments = g_strsplit(row->path, "/", 3);
        g_autofree char *place = g_strdup_printf(": /%s", segments[1]);

        ck_assert_msg(strstr(there, place), "%s", there);
    }
}
END_TEST

START_TEST(differences_are_named)
{
    g_autofree char *one = check(HVM, "/b_info/max_vcpus", "2", "4", NULL);
    g_autoptr(JsonNode) a = load_tree(HVM);
    g_autoptr(JsonNode) b = load_tree(HVM);
    g_autoptr(GError) err = NULL;
    libxl_domain_config here, there;

    ck_assert_str_eq(one, "the destination's XML would change what the guest "
                     "sees, in 1 place: /b_info/max_vcpus: 2 here, 4 there");
    edit(b, "/b_info/type.hvm/vga/kind", "\"cirrus\"");
    edit(b, "/disks/0/readwrite", NULL);
    edit(b, "/nics/0/bridge", "\"elsewhere\"");
    load(a, &here);
    load(b, &there);
    ck_assert(!xf_abi_same(&here, &there, NULL, &err));
    ck_assert_str_eq(err->message,
                     "the destination's XML would change what the guest "
                     "sees, in 2 places: /b_info/type.hvm/vga/kind: \"std\" "
                     "here, \"cirrus\" there; /disks/vdev=hda/readwrite: 1 "
                     "here, nothing there");
    libxl_domain_config_dispose(&here);
    libxl_domain_config_dispose(&there);
}
END_TEST

START_TEST(a_name_is_changed_by_dname)
{
    g_autofree char *new = check(HVM, "/c_info/name", "\"win\"", "\"lose\"",
                                 "lose");
    g_autofree char *old = check(HVM, "/c_info/name", "\"win\"", "\"win\"",
                                 "lose");
    g_autofree char *other = check(HVM, "/c_info/name", "\"win\"",
                                   "\"draw\"", "lose");

    ck_assert_msg(!new && !old, "%s", new ? new : old);
    ck_assert(other && strstr(other, "/c_info/name: \"win\" here, \"draw\" "
                                     "there"));
}
END_TEST

/* As a client does it: the XML of the running domain, edited. */
START_TEST(edited_xml_is_understood)
{
    g_autoptr(JsonNode) tree = load_tree(HVM);
    g_autoptr(GError) err = NULL;
    libxl_domain_config here, there;

    load(tree, &here);

    g_autofree char *xml = xf_domxml_format(&here, 3, 0, &err);
    g_auto(GStrv) bridge = g_strsplit(xml, "xenbr0", -1);
    g_autofree char *moved = g_strjoinv("br1", bridge);
    g_auto(GStrv) cpus = g_strsplit(xml, ">2</vcpu>", -1);
    g_autofree char *grown = g_strjoinv(">4</vcpu>", cpus);

    ck_assert_str_ne(xml, moved);
    ck_assert_str_ne(xml, grown);
    ck_assert(xf_domxml_parse(moved, &there, &err));
    ck_assert_msg(xf_abi_same(&here, &there, NULL, &err), "%s",
                  err ? err->message : "");
    libxl_domain_config_dispose(&there);
    ck_assert(xf_domxml_parse(grown, &there, &err));
    ck_assert(!xf_abi_same(&here, &there, NULL, &err));
    ck_assert(strstr(err->message, "/b_info/max_vcpus: 2 here, 4 there"));
    libxl_domain_config_dispose(&there);
    libxl_domain_config_dispose(&here);
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        the_hosts_own_may_differ,
        what_the_guest_sees_may_not,
        differences_are_named,
        a_name_is_changed_by_dname,
        edited_xml_is_understood,
        NULL
    };

    return xf_unit_main("abi", tests);
}
