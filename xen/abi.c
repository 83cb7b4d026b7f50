/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a guest may notice: see abi.h. */
#include "config.h"

#include <string.h>

#include "protocol/error.h"
#include "xen/abi.h"
#include "xen/config-json.h"
#include "xen/domxml-residual.h"

/* A message is for people: who changes more than this has another guest. */
#define DIFFERENCES_MAX 20

/* What belongs to the host.  Only the guest's next boot, which reads it from
 * the destination's disk, sees kernel, firmware and boot loader. */
static const char *const may_differ[] = {
    "/c_info/name",             /* checked by itself */
    "/c_info/ssidref", "/c_info/ssid_label", "/c_info/poolid",
    "/c_info/pool_name", "/c_info/run_hotplug_scripts", "/c_info/oos",
    "/c_info/xsdata/*", "/c_info/platformdata/*",
    "/b_info/cpumap", "/b_info/nodemap", "/b_info/vcpu_hard_affinity",
    "/b_info/vcpu_soft_affinity", "/b_info/numa_placement",
    "/b_info/sched_params/*", "/b_info/shadow_memkb", "/b_info/iommu_memkb",
    "/b_info/claim_mode", "/b_info/blkdev_start", "/b_info/exec_ssidref",
    "/b_info/exec_ssid_label", "/b_info/device_model",
    "/b_info/device_model_user", "/b_info/device_model_ssidref",
    "/b_info/device_model_ssid_label", "/b_info/stubdomain_kernel",
    "/b_info/stubdomain_ramdisk", "/b_info/stubdomain_cmdline",
    "/b_info/stubdomain_memkb", "/b_info/dm_restrict",
    "/b_info/kernel", "/b_info/ramdisk", "/b_info/cmdline",
    "/b_info/bootloader", "/b_info/bootloader_args",
    "/b_info/type.pvh/pvshim_path",
    "/b_info/type.hvm/firmware", "/b_info/type.hvm/system_firmware",
    "/b_info/type.hvm/smbios_firmware", "/b_info/type.hvm/acpi_firmware",
    "/b_info/type.hvm/boot", "/b_info/type.hvm/vnc/*",
    "/b_info/type.hvm/sdl/*", "/b_info/type.hvm/spice/port",
    "/b_info/type.hvm/spice/tls_port", "/b_info/type.hvm/spice/host",
    "/b_info/type.hvm/spice/passwd",
    "/b_info/type.hvm/spice/disable_ticketing",
    "/b_info/type.hvm/spice/image_compression",
    "/b_info/type.hvm/spice/streaming_video",
    "/b_info/type.hvm/keymap", "/b_info/type.hvm/serial",
    "/b_info/type.hvm/serial_list/*",
    "/disks/*/pdev_path", "/disks/*/backend", "/disks/*/format",
    "/disks/*/script", "/disks/*/direct_io_safe", "/disks/*/backend_domname",
    "/disks/*/backend_domid",
    "/nics/*/bridge", "/nics/*/ifname", "/nics/*/script", "/nics/*/ip",
    "/nics/*/gatewaydev", "/nics/*/backend_domname", "/nics/*/backend_domid",
    "/nics/*/rate_bytes_per_interval", "/nics/*/rate_interval_usecs",
    "/vfbs/*/vnc/*", "/vfbs/*/sdl/*", "/vfbs/*/keymap",
    "/vfbs/*/backend_domname", "/vfbs/*/backend_domid",
    "/vkbs/*/backend_domname", "/vkbs/*/backend_domid",
    "/channels/*/connection.socket/path", "/channels/*/backend_domname",
    "/channels/*/backend_domid",
    "/p9s/*/path", "/p9s/*/backend_domname", "/p9s/*/backend_domid",
    "/vdispls/*/backend_domname", "/vdispls/*/backend_domid",
    "/on_poweroff", "/on_reboot", "/on_watchdog", "/on_crash",
    "/on_soft_reset",
};

/* What libxl 4.17 takes where nothing is said; NULL: it works that out from
 * the rest of the configuration. */
static const struct {
    const char *path;
    const char *value;
} defaults[] = {
    { "/c_info/hap", "True" },
    { "/c_info/driver_domain", "False" },
    { "/c_info/passthrough", "disabled" },
    { "/c_info/xend_suspend_evtchn_compat", "False" },
    { "/b_info/video_memkb", NULL },
    { "/b_info/localtime", "False" },
    { "/b_info/disable_migrate", "False" },
    { "/b_info/max_grant_frames", NULL },
    { "/b_info/max_maptrack_frames", NULL },
    { "/b_info/max_grant_version", NULL },
    { "/b_info/device_model_version", "qemu_xen" },
    { "/b_info/device_model_stubdomain", "False" },
    { "/b_info/event_channels", "1023" },
    { "/b_info/acpi", "True" },
    { "/b_info/apic", "True" },
    { "/b_info/nested_hvm", "False" },
    { "/b_info/tsc_mode", "default" },
    { "/b_info/timer_mode", NULL },
    { "/b_info/tee", "none" },
    { "/b_info/altp2m", "disabled" },
    { "/b_info/vpmu", "False" },
    { "/b_info/arch_x86/msr_relaxed", "False" },
    { "/b_info/arch_arm/vuart", "unknown" },
    { "/b_info/type.pv/slack_memkb", NULL },
    { "/b_info/type.pv/e820_host", "False" },
    { "/b_info/type.pvh/pvshim", "False" },
    { "/b_info/type.hvm/bios", "seabios" },
    { "/b_info/type.hvm/pae", "True" },
    { "/b_info/type.hvm/apic", "True" },
    { "/b_info/type.hvm/acpi", "True" },
    { "/b_info/type.hvm/acpi_s3", "True" },
    { "/b_info/type.hvm/acpi_s4", "True" },
    { "/b_info/type.hvm/acpi_laptop_slate", "False" },
    { "/b_info/type.hvm/nx", "True" },
    { "/b_info/type.hvm/hpet", "True" },
    { "/b_info/type.hvm/vpt_align", "True" },
    { "/b_info/type.hvm/altp2m", "False" },
    { "/b_info/type.hvm/viridian", "False" },
    { "/b_info/type.hvm/hdtype", "ide" },
    { "/b_info/type.hvm/nographic", "False" },
    { "/b_info/type.hvm/vga/kind", "cirrus" },
    { "/b_info/type.hvm/spice/enable", "False" },
    { "/b_info/type.hvm/gfx_passthru", "False" },
    { "/b_info/type.hvm/usb", "False" },
    { "/b_info/type.hvm/vkb_device", "True" },
    { "/b_info/type.hvm/xen_platform_pci", "True" },
    { "/b_info/type.hvm/vendor_device", "none" },
    { "/b_info/type.hvm/rdm_mem_boundary_memkb", "2097152" },
    { "/b_info/type.hvm/rdm/policy", NULL },
    { "/disks/*/discard_enable", "True" },
    { "/disks/*/colo_enable", "False" },
    { "/disks/*/colo_restore_enable", "False" },
    { "/disks/*/specification", "xen" },
    { "/disks/*/trusted", "True" },
    { "/nics/*/model", "rtl8139" },
    { "/nics/*/mtu", NULL },
    { "/nics/*/nictype", NULL },
    { "/nics/*/trusted", "True" },
    { "/vkbs/*/backend_type", "qemu" },
    { "/usbctrls/*/version", "2" },
    { "/usbctrls/*/ports", "8" },
};

static char *
value_text(JsonNode *value)
{
    return value ? json_to_string(value, FALSE) : g_strdup("nothing");
}

/* The value as in the table: a text without its quotes. */
static gboolean
value_is(JsonNode *value, const char *expected)
{
    g_autofree char *text = value_text(value);

    if (*text == '"')
        return strlen(text) == strlen(expected) + 2
               && strncmp(text + 1, expected, strlen(expected)) == 0;
    return strcmp(text, expected) == 0;
}

static gboolean
is_default(const char *path, JsonNode *value)
{
    for (gsize i = 0; i < G_N_ELEMENTS(defaults); i++)
        if (xf_config_json_path_is(path, defaults[i].path))
            return !defaults[i].value
                   || value_is(value, defaults[i].value);
    return FALSE;
}

/* Of those: the guest has the device on both sides, or on neither. */
static const char *const needs_both[] = {
    "/b_info/type.hvm/serial", "/disks/*/pdev_path",
};

static gboolean
is_one_of(const char *path, const char *const *patterns, gsize count)
{
    for (gsize i = 0; i < count; i++)
        if (xf_config_json_path_is(path, patterns[i]))
            return TRUE;
    return FALSE;
}

/* A drive without a medium and one with it differ. */
static gboolean
is_empty_drive(JsonNode *format)
{
    return format && value_is(format, "empty");
}

static gboolean
allowed(const char *path, JsonNode *here, JsonNode *there)
{
    if ((!here || !there)
        && is_one_of(path, needs_both, G_N_ELEMENTS(needs_both)))
        return FALSE;
    if (xf_config_json_path_is(path, "/disks/*/format")
        && is_empty_drive(here) != is_empty_drive(there))
        return FALSE;
    return is_one_of(path, may_differ, G_N_ELEMENTS(may_differ))
           || ((!here || !there) && is_default(path, here ? here : there));
}

/* -- the places where they differ ------------------------------------------ */

static void
add_difference(GPtrArray *found, const char *path, JsonNode *here,
               JsonNode *there)
{
    g_autofree char *before = value_text(here);
    g_autofree char *after = value_text(there);

    g_ptr_array_add(found, g_strdup_printf("%s: %s here, %s there", path,
                                           before, after));
}

/* An object that one side lacks is looked into: it may be all defaults.  A
 * list that is longer on one side is another machine. */
static void
compare(GPtrArray *found, const char *path, JsonNode *here, JsonNode *there)
{
    JsonNode *some = here ? here : there;
    JsonObjectIter iter;
    const char *key;
    JsonNode *value;

    if (allowed(path, here, there))
        return;
    if ((here && there) || !JSON_NODE_HOLDS_OBJECT(some)) {
        add_difference(found, path, here, there);
        return;
    }
    json_object_iter_init(&iter, json_node_get_object(some));
    while (json_object_iter_next(&iter, &key, &value)) {
        g_autofree char *below = g_strconcat(path, "/", key, NULL);

        compare(found, below, here ? value : NULL, here ? NULL : value);
    }
}

/* Lists of plain values (serial ports): each by itself, if as many. */
static void
compare_lists(GPtrArray *found, const char *path, JsonNode *here,
              JsonNode *there)
{
    JsonArray *a = json_node_get_array(here);
    JsonArray *b = json_node_get_array(there);

    if (allowed(path, here, there))
        return;
    if (json_array_get_length(a) != json_array_get_length(b)) {
        compare(found, path, here, there);
        return;
    }
    for (guint i = 0; i < json_array_get_length(a); i++) {
        g_autofree char *below = g_strdup_printf("%s/%u", path, i);

        if (!json_node_equal(json_array_get_element(a, i),
                             json_array_get_element(b, i)))
            compare(found, below, json_array_get_element(a, i),
                    json_array_get_element(b, i));
    }
}

static void
check_name(GPtrArray *found, const libxl_domain_config *here,
           const libxl_domain_config *there, const char *dname)
{
    const char *name = there->c_info.name;

    if (g_strcmp0(name, here->c_info.name) != 0
        && (!dname || g_strcmp0(name, dname) != 0))
        g_ptr_array_add(found, g_strdup_printf(
            "/c_info/name: \"%s\" here, \"%s\" there (a new name is given "
            "as the migration's destination name)", here->c_info.name,
            name));
}

static gboolean
find_differences(GPtrArray *found, const libxl_domain_config *here,
                 const libxl_domain_config *there, GError **err)
{
    g_autoptr(JsonNode) before = xf_residual_tree(here, err);
    g_autoptr(JsonNode) after = before ? xf_residual_tree(there, err) : NULL;
    g_autofree char *text = NULL;
    g_autoptr(JsonNode) edits = NULL;

    if (!after)
        return FALSE;
    text = xf_residual_make(before, after);
    edits = text ? json_from_string(text, err) : NULL;
    if (text && !edits)
        return FALSE;
    for (guint i = 0;
         edits && i < json_array_get_length(json_node_get_array(edits));
         i++) {
        JsonObject *edit =
            json_array_get_object_element(json_node_get_array(edits), i);
        const char *path = json_object_get_string_member(edit, "at");
        JsonNode *was = json_object_get_member(edit, "was");
        JsonNode *is = json_object_get_member(edit, "is");

        if (was && is && JSON_NODE_HOLDS_ARRAY(was)
            && JSON_NODE_HOLDS_ARRAY(is))
            compare_lists(found, path, was, is);
        else
            compare(found, path, was, is);
    }
    return TRUE;
}

gboolean
xf_abi_same(const libxl_domain_config *here, const libxl_domain_config *there,
            const char *dname, GError **err)
{
    g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *text = NULL;
    guint count;

    check_name(found, here, there, dname);
    if (!find_differences(found, here, there, err))
        return FALSE;
    count = found->len;
    if (count == 0)
        return TRUE;
    if (count > DIFFERENCES_MAX)
        g_ptr_array_set_size(found, DIFFERENCES_MAX);
    g_ptr_array_add(found, NULL);
    text = g_strjoinv("; ", (char **)found->pdata);
    g_set_error(err, XF_ERROR, XF_ERROR_CONFIG_UNSUPPORTED,
                "the destination's XML would change what the guest sees, in "
                "%u place%s: %s%s", count, count == 1 ? "" : "s", text,
                count > DIFFERENCES_MAX ? "; ..." : "");
    return FALSE;
}
