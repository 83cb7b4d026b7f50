/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xl's configuration files: tests/data/xlcfg/NAME.cfg means NAME.json, which is
 * what the xl of Xen 4.17 makes of it (but for what xl.conf decides), and comes
 * back from it.  Refusals say line, key and reason.  What is written for a
 * generated configuration is that configuration, or it is refused.
 */
#include "config.h"

#include <json-glib/json-glib.h>
#include <stdio.h>
#include <string.h>

#include "protocol/error.h"
#include "tests/unit/common.h"
#include "tests/unit/messages.h"
#include "tests/unit/random-config.h"
#include "xen/config-json.h"
#include "xen/convert.h"
#include "xen/domxml-residual.h"
#include "xen/xlcfg.h"

#define DATA_DIR TEST_DATA_DIR "/xlcfg"
#define ROUNDS_DEFAULT 100
#define STRIPS_MAX 2000

static char *
read_file(const char *path)
{
    char *text = NULL;
    g_autoptr(GError) err = NULL;

    ck_assert_msg(g_file_get_contents(path, &text, NULL, &err), "%s",
                  err ? err->message : "");
    return text;
}

static void
parse(const char *name, const char *text, libxl_domain_config *config)
{
    g_autoptr(GError) err = NULL;

    ck_assert_msg(xf_xlcfg_parse(text, config, NULL, &err), "%s: %s\n%s",
                  name, err ? err->message : "", text);
}

static char *
config_json(const libxl_domain_config *config)
{
    g_autoptr(GError) err = NULL;
    char *json = xf_config_json_write(config, &err);

    ck_assert_msg(json != NULL, "%s", err ? err->message : "");
    return json;
}

static void
check_pair(const char *name)
{
    g_autofree char *cfg_path = g_strconcat(DATA_DIR, "/", name, ".cfg",
                                            NULL);
    g_autofree char *json_path = g_strconcat(DATA_DIR, "/", name, ".json",
                                             NULL);
    g_autofree char *text = read_file(cfg_path);
    g_autofree char *expected = read_file(json_path);
    g_autoptr(GError) err = NULL;
    libxl_domain_config config, again;

    parse(name, text, &config);

    g_autofree char *json = config_json(&config);
    g_autofree char *written = xf_xlcfg_format(&config, &err);

    ck_assert_msg(strcmp(g_strchomp(json), g_strchomp(expected)) == 0,
                  "%s is\n%s", name, json);
    ck_assert_msg(written != NULL, "%s: %s", name, err ? err->message : "");
    parse(name, written, &again);

    g_autofree char *json_again = config_json(&again);

    ck_assert_msg(strcmp(json, g_strchomp(json_again)) == 0, "%s became\n%s", name,
                  written);
    libxl_domain_config_dispose(&config);
    libxl_domain_config_dispose(&again);
}

START_TEST(files_mean_their_json)
{
    g_autoptr(GDir) dir = g_dir_open(DATA_DIR, 0, NULL);
    const char *entry;
    guint seen = 0;

    ck_assert_ptr_nonnull(dir);
    while ((entry = g_dir_read_name(dir))) {
        g_autofree char *name = NULL;

        if (!g_str_has_suffix(entry, ".cfg"))
            continue;
        name = g_strndup(entry, strlen(entry) - strlen(".cfg"));
        check_pair(name);
        seen++;
    }
    ck_assert_uint_ge(seen, 13);
}
END_TEST

/* -- refusals -------------------------------------------------------------- */

#define PV "name=\"g\"\n"
#define HVM "name=\"g\"; type=\"hvm\"\n"

static const struct {
    const char *text;
    const char *message;        /* how it begins */
} refusals[] = {
    { "", "there is no key 'name'" },
    { "name = [ \"g\" ]", "line 1, name: is a list and must be one value" },
    { PV "nome = 1", "line 2, nome: this key is not known" },
    { PV "# x\n\nnome += [ 1 ]", "line 4, nome: this key is not known" },
    { PV "memory = 1 + 2", "line 2: config parsing error" },
    { PV "memory = \"1", "line 2: config parsing error" },
    { PV "type = \"hvn\"", "line 2, type: 'hvn' is none of: pv, pvh, hvm" },
    { PV "uuid = \"1\"", "line 2, uuid: '1' is not a uuid" },
    { PV "memory = \"much\"", "line 2, memory: 'much' is not a number" },
    { PV "memory = \"-1\"", "line 2, memory: -1 is not from 0 to" },
    { PV "memory = \"1x\"", "line 2, memory: '1x' is not a number" },
    { PV "memory = 99999999999999999999", "line 2, memory: 9999" },
    { PV "memory = [ 1 ]", "line 2, memory: is a list" },
    { PV "memory = 2\nmaxmem = 1", "line 3, maxmem: is less than 'memory'" },
    { PV "vcpus = 0", "line 2, vcpus: 0 is not from 1 to 4096" },
    { PV "vcpus = 2\nmaxvcpus = 1", "line 3, maxvcpus: is less than" },
    { PV "cpus = \"all,^1\"", "line 2, cpus: 'all,^1' depends on the host" },
    { PV "cpus = \"nodes:0\"", "line 2, cpus: 'nodes:0' depends on the" },
    { PV "cpus = \"x\"", "line 2, cpus: 'x' is not a set like" },
    { PV "cpus = \"3-1\"", "line 2, cpus: '3-1' is not a set like" },
    { PV "cpus = \"4096\"", "line 2, cpus: '4096' is not a set like" },
    { PV "cpus = [ \"1\", \"2\" ]", "line 2, cpus: has 2 elements for 1" },
    { PV "cpus = [ [ \"1\" ] ]", "line 2, cpus: element 1 must be a text" },
    { PV "on_crash = \"explode\"", "line 2, on_crash: 'explode' is none of: "
                                   "destroy, restart, rename-restart" },
    { PV "timer_mode = 1", "line 2, timer_mode: a PV guest has no such" },
    { PV "nestedhvm = 1", "line 2, nestedhvm: a PV guest has no nested" },
    { PV "tsc_mode = 9", "line 2, tsc_mode: '9' is none of: default" },
    { PV "firmware = \"pvgrub32\"", "line 2, firmware: the path of pvgrub "
                                    "depends on the host" },
    { PV "device_model = \"x\"", "line 2, device_model: xl has not taken" },
    { PV "cpuid = \"tm=0\"", "line 2, cpuid: 'tm=0' does not begin with" },
    { PV "cpuid = \"host,tn=0\"", "line 2, cpuid: 'tn=0' is not known" },
    { PV "cpuid = [ \"1:ecx\" ]", "line 2, cpuid: '1:ecx' is not leaf:" },
    { PV "vnuma = [ \"pnode=0\" ]", "line 2, vnuma: must be a list of " },
    { PV "vnuma = 1", "line 2, vnuma: must be a list of lists" },
    { PV "vnuma = [ [ \"pnode\" ] ]", "line 2, vnuma: 'pnode' is not key=" },
    { PV "vnuma = [ [ \"x=0\" ] ]", "line 2, vnuma: 'x' in 'x=0' is not" },
    { PV "vnuma = [ [ \"size=8\" ] ]", "line 2, vnuma: node 0 has 0 dist" },
    { PV "maxmem = 9\nvnuma = [ [ \"size=8\", \"vdistances=10\" ] ]",
      "line 3, vnuma: the nodes have 8192 KiB in all, 'maxmem' is 9216" },
    { PV "ioports = [ \"2ff-2f8\" ]", "line 2, ioports: '2ff-2f8' is not" },
    { PV "ioports = [ \"10000\" ]", "line 2, ioports: '10000' is not a" },
    { PV "iomem = [ \"a\" ]", "line 2, iomem: 'a' is not START,NUMBER" },
    { PV "irqs = [ \"x\" ]", "line 2, irqs: 'x' is not a number" },
    { HVM "viridian = [ \"fast\" ]", "line 2, viridian: there is no group" },
    { HVM "gfx_passthru = \"x\"", "line 2, gfx_passthru: 'x' is not a num" },
    { HVM "ms_vm_genid = \"x\"", "line 2, ms_vm_genid: 'x' is neither" },
    { HVM "mca_caps = [ \"x\" ]", "line 2, mca_caps: 'x' is not \"lmce\"" },
    { HVM "rdm = \"strategy=x\"", "line 2, rdm: 'x' is none of: host" },
    { HVM "vga = \"voodoo\"", "line 2, vga: 'voodoo' is none of: stdvga, " },
    { PV "disk = \"/a,raw,xvda,w\"", "line 2, disk: must be a list" },
    { PV "disk = [ \"/a,row,xvda,w\" ]", "line 2, disk: '/a,row,xvda,w': "
      "config parsing error in disk specification: " },
    { PV "disk = [ \"/a,raw\" ]", "line 2, disk: '/a,raw': config parsing" },
    { PV "vif = [ \"mac=1\" ]", "line 2, vif: mac '1' is not xx:xx" },
    { PV "vif = [ \"mac\" ]", "line 2, vif: mac '' is not xx:xx" },
    { PV "vif = [ \"bridge\" ]", "line 2, vif: 'bridge' needs a value" },
    { PV "vif = [ \"trusted=1\" ]", "line 2, vif: 'trusted' takes no value" },
    { PV "vif = [ \"colour=red\" ]", "line 2, vif: 'colour' in 'colour" },
    { PV "vif = [ \"rate=fast\" ]", "line 2, vif: 'fast': config parsing" },
    { PV "vif = [ \"rate\" ]", "line 2, vif: 'rate' needs a value" },
    { PV "vif2 = [ ]", "line 2, vif2: netchannel2 has not been" },
    { PV "pci = [ \"x\" ]", "line 2, pci: 'x' is not [DDDD:]BB:DD.F" },
    { PV "pci = [ \"01:02*3\" ]", "line 2, pci: '01:02*3' is not" },
    { PV "pci = [ \"1:2.3,x=1\" ]", "line 2, pci: '1:2.3,x=1': " },
    { PV "pci = [ \"1:2.3\" ]\npci_seize = \"x\"",
      "line 3, pci_seize: 'x' is not a number" },
    { PV "vkb = [ \"width=1\" ]", "line 2, vkb: 'width=1' needs backend-t" },
    { PV "vdispl = [ \"connectors=a\" ]", "line 2, vdispl: 'a' is not ID:" },
    { PV "vtpm = [ \"uuid=1\" ]", "line 2, vtpm: '1' is not a uuid" },
    { PV "vtpm = [ \"\" ]", "line 2, vtpm: '' needs backend=" },
    { PV "channel = [ \"name=a\" ]", "line 2, channel: 'name=a' needs conn" },
    { PV "channel = [ \"connection=pty,path=/x\" ]",
      "line 2, channel: 'connection=pty,path=/x': a socket has a path" },
    { PV "vsnd = \"a\"", "line 2, vsnd: must be a list of lists" },
    { PV "vsnd = [ \"CARD\" ]", "line 2, vsnd: must be a list of lists" },
    { PV "vsnd = [ [ \"DISK\" ] ]", "line 2, vsnd: 'DISK' does not begin with "
      "CARD, PCM or STREAM" },
    { PV "vsnd = [ [ \"CARD\", \"STREAM, type=p\" ] ]", "line 2, vsnd: a STREAM "
      "comes after its PCM" },
    { PV "vsnd = [ [ \"CARD, sample-formats=s16_le;loud\" ] ]", "line 2, vsnd: "
      "'loud' is not a sample format" },
    { PV "vsnd = [ [ \"CARD, sample-rates=fast\" ] ]", "line 2, vsnd: 'fast' is "
      "not a number" },
    { PV "vsnd = [ [ \"CARD, id=3\" ] ]", "line 2, vsnd: 'id' in ' id=3' is not "
      "known" },
};

START_TEST(refusals_say_where_and_why)
{
    for (gsize i = 0; i < G_N_ELEMENTS(refusals); i++) {
        g_autoptr(GError) err = NULL;
        libxl_domain_config config;

        ck_assert_msg(!xf_xlcfg_parse(refusals[i].text, &config, NULL, &err),
                      "took %s", refusals[i].text);
        ck_assert_msg(g_str_has_prefix(err->message, refusals[i].message),
                      "%s\nis refused so: %s", refusals[i].text,
                      err->message);
        ck_assert(err->domain == XF_ERROR);
    }
}
END_TEST

static const struct {
    const char *text;
    const char *note;
} noted[] = {
    { PV "boot = \"c\"", "line 2, boot: is ignored, as xl does, for a guest "
                         "of type pv" },
    { PV "memory = 1\nmemory = 2", "line 2, memory: is given again in line "
                                   "3" },
    { PV "disk = [ ]\ndisk += [ ]", NULL },
    { PV "keymap = \"de\"", "line 2, keymap: is ignored, as xl does, without "
                            "vnc=1" },
    { PV "vnclisten = \"::\"\nvnc = 0", "line 2, vnclisten: is ignored, as xl "
                                        "does, without vnc=1" },
    { PV "vnclisten = \"::\"\nvnc = 1", NULL },
    { PV "keymap = \"de\"\nvfb = [ \"vnc=1\" ]", "line 2, keymap: is ignored, "
                                               "as xl does, beside 'vfb'" },
    { PV "vnc = 1\nvfb = [ \"vnc=1\" ]", "line 2, vnc: is ignored, as xl does, "
                                        "beside 'vfb'" },
    { PV "vif = [ \"accel=x\" ]", "line 2, vif: 'accel' is ignored, as xl "
                                  "does" },
    { PV "vfb = [ \"type=vnc\" ]", "line 2, vfb: 'type' is ignored, as xl "
                                   "does" },
    { PV "cmdline = \"a\"\nroot = \"b\"", "line 3, root: is ignored, as xl "
                                         "does, beside 'cmdline'" },
    { PV "extra = \"b\"\ncmdline = \"a\"", "line 2, extra: is ignored, as xl "
                                          "does, beside 'cmdline'" },
};

START_TEST(what_is_ignored_is_noted)
{
    for (gsize i = 0; i < G_N_ELEMENTS(noted); i++) {
        g_autoptr(GPtrArray) notes = g_ptr_array_new_with_free_func(g_free);
        libxl_domain_config config;

        ck_assert(xf_xlcfg_parse(noted[i].text, &config, notes, NULL));
        libxl_domain_config_dispose(&config);
        ck_assert_uint_eq(notes->len, noted[i].note ? 1 : 0);
        if (noted[i].note)
            ck_assert_str_eq(notes->pdata[0], noted[i].note);
    }
}
END_TEST

static void
hear_all_rows(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(refusals); i++) {
        g_autoptr(GError) err = NULL;
        libxl_domain_config config;

        ck_assert(!xf_xlcfg_parse(refusals[i].text, &config, NULL, &err));
        xf_messages_hear(err->message);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(noted); i++)
        if (noted[i].note)
            xf_messages_hear(noted[i].note);
}

/* Whoever adds a message adds a row. */
START_TEST(every_message_is_seen)
{
    static const struct xf_message_call calls[] = {
        { "xf_xl_bad(cfg, err, ", 0, "*" },
        { "xf_xl_cannot(cfg, err, ", 0, "*" },
        { "xf_xl_idle(cfg, ", 0, "*" },
        { "add_note(cfg, ", 0, "*" },
    };
    g_autoptr(GDir) dir = g_dir_open(XEN_DIR, 0, NULL);
    guint count = 0, missing = 0;
    const char *name;

    hear_all_rows();
    ck_assert_ptr_nonnull(dir);
    while ((name = g_dir_read_name(dir))) {
        g_autofree char *path = g_strconcat(XEN_DIR, "/", name, NULL);

        if (!g_str_has_prefix(name, "xlcfg") || !g_str_has_suffix(name, ".c"))
            continue;
        for (gsize i = 0; i < G_N_ELEMENTS(calls); i++)
            count += xf_messages_check(path, &calls[i], &missing);
    }
    ck_assert_uint_gt(count, 45);
    ck_assert_msg(missing == 0, "%u messages are in no row", missing);
}
END_TEST

START_TEST(a_uuid_is_made_up)
{
    libxl_domain_config one, two;

    parse("one", PV, &one);
    parse("two", PV, &two);
    ck_assert_int_ne(libxl_uuid_compare(&one.c_info.uuid, &two.c_info.uuid),
                     0);
    libxl_domain_config_dispose(&one);
    libxl_domain_config_dispose(&two);
}
END_TEST

/* -- generated configurations ---------------------------------------------- */

static GRand *dice;

static void
set_up(void)
{
    const char *text = g_getenv("XENFERRY_SEED");
    guint32 seed = text ? (guint32)strtoul(text, NULL, 10) : g_random_int();

    printf("# XENFERRY_SEED=%u\n", seed);
    fflush(stdout);
    dice = g_rand_new_with_seed(seed);
}

static void
tear_down(void)
{
    g_rand_free(dice);
}

static guint
rounds(void)
{
    const char *text = g_getenv("XENFERRY_ROUNDS");

    return text ? (guint)strtoul(text, NULL, 10) : ROUNDS_DEFAULT;
}

/* What need not be written: stated here once more, so that a row too many in
 * the table of xlcfg-format.c is found. */
static const char *const not_counted[] = {
    "/b_info/claim_mode", "/b_info/iommu_memkb", "/b_info/sched_params/sched",
    "/c_info/run_hotplug_scripts", "/b_info/blkdev_start",
    "/b_info/numa_placement", "/b_info/type.pv/e820_host",
};

/* Member or element of `node` by a segment of a path, as in residuals. */
static JsonNode *
child(JsonNode *node, const char *segment, guint *index)
{
    const char *equals = strchr(segment, '=');
    g_autofree char *key = g_strndup(segment, equals ? equals - segment : 0);
    JsonArray *array;

    if (JSON_NODE_HOLDS_OBJECT(node))
        return json_object_get_member(json_node_get_object(node), segment);
    if (!JSON_NODE_HOLDS_ARRAY(node))
        return NULL;
    array = json_node_get_array(node);
    for (*index = 0; *index < json_array_get_length(array); ++*index) {
        JsonNode *element = json_array_get_element(array, *index);
        g_autofree char *number = g_strdup_printf("%u", *index);

        if (equals
            ? g_strcmp0(json_object_get_string_member_with_default(
                  json_node_get_object(element), key, NULL), equals + 1) == 0
            : strcmp(number, segment) == 0)
            return element;
    }
    return NULL;
}

/* Takes out what is at `path`; FALSE when there is nothing. */
static gboolean
take_out(JsonNode *tree, const char *path)
{
    g_auto(GStrv) segments = g_strsplit(path + 1, "/", -1);
    JsonNode *node = tree, *holder = NULL;
    const char *key = NULL;
    guint index = 0;

    for (char **segment = segments; node && *segment; segment++) {
        g_auto(GStrv) halves = g_strsplit(*segment, "~1", -1);

        g_free(*segment);
        *segment = g_strjoinv("/", halves);
        key = *segment;
        holder = node;
        node = child(node, key, &index);
    }
    if (!node || !holder)
        return FALSE;
    if (JSON_NODE_HOLDS_OBJECT(holder))
        json_object_remove_member(json_node_get_object(holder), key);
    else
        json_array_remove_element(json_node_get_array(holder), index);
    return TRUE;
}

/* What the file says because something else is there. */
static const struct {
    const char *path, *because_of;
} companions[] = {
    { "/b_info/max_memkb", "/b_info/target_memkb" },
    { "/b_info/max_vcpus", "/b_info/avail_vcpus" },
    { "/c_info/ssid_label", "/b_info/exec_ssid_label" },
    { "/vkbs", "/vfbs/0" },
};

/* The same, or what it comes with: of a device all of it. */
static gboolean
take_out_all(JsonNode *tree, const char *path)
{
    g_auto(GStrv) segments = g_strsplit(path, "/", 4);
    g_autofree char *device = NULL;

    if (take_out(tree, path))
        return TRUE;
    for (gsize i = 0; i < G_N_ELEMENTS(companions); i++)
        if (strcmp(companions[i].path, path) == 0)
            return take_out(tree, companions[i].because_of);
    if (g_strv_length(segments) < 4 || !g_str_has_suffix(segments[1], "s"))
        return FALSE;
    device = g_strconcat("/", segments[1], "/", segments[2], NULL);
    return take_out(tree, device);
}

static void
forget_strict(JsonArray *array, guint i, JsonNode *device, gpointer none)
{
    JsonObject *object = json_node_get_object(device);

    if (g_strcmp0(json_object_get_string_member_with_default(
                      object, "rdm_policy", NULL), "strict") == 0)
        json_object_remove_member(object, "rdm_policy");
}

static JsonNode *
comparable(const libxl_domain_config *config)
{
    JsonNode *tree = xf_residual_tree(config, NULL);

    ck_assert_ptr_nonnull(tree);
    for (gsize i = 0; i < G_N_ELEMENTS(not_counted); i++) {
        g_auto(GStrv) parts = g_strsplit(not_counted[i] + 1, "/", -1);
        JsonNode *node = tree;

        for (char **part = parts; node && part[1]; part++)
            node = json_object_get_member(json_node_get_object(node), *part);
        if (node)
            json_object_remove_member(json_node_get_object(node),
                                      parts[g_strv_length(parts) - 1]);
    }
    if (config->num_pcidevs > 0)
        json_array_foreach_element(
            json_object_get_array_member(json_node_get_object(tree),
                                         "pcidevs"), forget_strict, NULL);
    return tree;
}

static void
came_back(const libxl_domain_config *config, const char *text)
{
    g_autoptr(JsonNode) wanted = comparable(config);
    g_autoptr(JsonNode) got = NULL;
    libxl_domain_config again;

    parse("written", text, &again);
    got = comparable(&again);
    if (!json_node_equal(wanted, got)) {
        g_autofree char *a = xf_residual_text(wanted);
        g_autofree char *b = xf_residual_text(got);

        g_printerr("%s\nbecame\n%s\nby\n%s\n", a, b, text);
        ck_abort_msg("see the log");
    }
    libxl_domain_config_dispose(&again);
}

/* The key in "line N, KEY: ..." and what to take out for it; of a list of
 * devices the first. */
static const struct {
    const char *key, *path;
} key_places[] = {
    { "maxmem", "/b_info/max_memkb" },
    { "maxvcpus", "/b_info/avail_vcpus" },
    { "cpus", "/b_info/vcpu_hard_affinity" },
    { "cpus_soft", "/b_info/vcpu_soft_affinity" },
    { "vnuma", "/b_info/vnuma_nodes" },
    { "ioports", "/b_info/ioports" },
    { "disk", "/disks/0" }, { "vif", "/nics/0" }, { "pci", "/pcidevs/0" },
    { "vfb", "/vfbs/0" }, { "vkb", "/vkbs/0" }, { "vtpm", "/vtpms/0" },
    { "p9", "/p9s/0" }, { "pvcalls", "/pvcallsifs/0" },
    { "channel", "/channels/0" }, { "usbctrl", "/usbctrls/0" },
    { "usbdev", "/usbdevs/0" }, { "vdispl", "/vdispls/0" },
    { "dtdev", "/dtdevs/0" },
};

/* Where the message says that something cannot be said. */
static char *
lost_place(const GError *err)
{
    const char *at = strstr(err->message, " has at /");
    const char *end = at ? strstr(at, "; change") : NULL;
    const char *key = strstr(err->message, ", ");

    if (end)
        return g_strndup(at + strlen(" has at "),
                         end - at - strlen(" has at "));
    for (gsize i = 0; key && i < G_N_ELEMENTS(key_places); i++) {
        g_autofree char *begins = g_strconcat(", ", key_places[i].key, ": ",
                                              NULL);

        if (g_str_has_prefix(key, begins))
            return g_strdup(key_places[i].path);
    }
    return NULL;
}

/* Takes out what is refused, bit by bit, until it is written; how often. */
static guint
write_what_can_be(JsonNode *tree)
{
    for (guint taken = 0; taken < STRIPS_MAX; taken++) {
        g_autoptr(GError) err = NULL;
        g_autofree char *text = NULL;
        g_autofree char *place = NULL;
        libxl_domain_config config;

        ck_assert(xf_config_json_load(&config, tree, NULL));
        text = xf_xlcfg_format(&config, &err);
        if (text)
            came_back(&config, text);
        libxl_domain_config_dispose(&config);
        if (text)
            return taken;
        ck_assert_int_eq(err->code, XF_ERROR_CONFIG_UNSUPPORTED);
        place = lost_place(err);
        if (!place || !take_out_all(tree, place)) {
            printf("# not written: %s\n", err->message);
            return G_MAXUINT;
        }
    }
    return G_MAXUINT;
}

START_TEST(generated_ones_come_back_or_are_refused)
{
    guint written = 0;

    for (guint i = 0; i < rounds(); i++) {
        g_autofree char *json = xf_random_config(dice);
        g_autoptr(JsonNode) tree = json_from_string(json, NULL);

        if (write_what_can_be(tree) != G_MAXUINT)
            written++;
    }
    printf("# %u of %u could be written\n", written, rounds());
    fflush(stdout);
    ck_assert_uint_gt(written, rounds() / 2);
}
END_TEST

/* -- as libvirt's clients ask for it --------------------------------------- */

START_TEST(native_forms)
{
    const char *text = "name = \"g\"\ntype = \"pvh\"\nkernel = \"/k\"\n"
                       "memory = 64\nvcpus = 1\n";
    static const char *const refused[] = { "xen-xm", "xen-sxpr", "qemu-argv",
                                           "" };
    g_autoptr(GError) err = NULL;
    g_autofree char *xml = xf_native_to_xml("xen-xl", text, &err);
    g_autofree char *native = xml ? xf_native_from_xml("xen-xl", xml, NULL,
                                                       &err) : NULL;

    ck_assert_msg(native != NULL, "%s", err ? err->message : "");
    ck_assert(strstr(xml, "<kernel>/k</kernel>"));
    ck_assert(strstr(native, "kernel = \"/k\"\n"));
    for (gsize i = 0; i < G_N_ELEMENTS(refused); i++) {
        g_autoptr(GError) to = NULL;
        g_autoptr(GError) from = NULL;

        ck_assert_ptr_null(xf_native_to_xml(refused[i], text, &to));
        ck_assert_ptr_null(xf_native_from_xml(refused[i], xml, NULL, &from));
        ck_assert_int_eq(to->code, XF_ERROR_INVALID_ARG);
        ck_assert_int_eq(from->code, XF_ERROR_INVALID_ARG);
        ck_assert(g_str_has_prefix(to->message, "unsupported config type "));
    }
    ck_assert_ptr_null(xf_native_to_xml("xen-xl", "colour = 1", &err));
    ck_assert_str_eq(err->message, "xl.cfg: line 1, colour: this key is not "
                     "known; xl.cfg(5) has those that are");
}
END_TEST

int
main(void)
{
    const TTest *const tests[] = {
        files_mean_their_json,
        refusals_say_where_and_why,
        what_is_ignored_is_noted,
        every_message_is_seen,
        a_uuid_is_made_up,
        generated_ones_come_back_or_are_refused,
        native_forms,
        NULL
    };

    return xf_unit_main_fixture("xlcfg", tests, set_up, tear_down);
}
