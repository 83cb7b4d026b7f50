/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Domain XML: <interface>. */
#include "config.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xen/domxml-format.h"
#include "xen/domxml-private.h"

/* libxl's default: how often a rate limit is topped up. */
#define RATE_INTERVAL_USECS 50000

enum nic_kind {
    NIC_BRIDGE = 1,
    NIC_ETHERNET,
    NIC_NETWORK,        /* of libvirt's, which tells its bridge */
};

#define NETWORK_WHY "there is no libvirt to ask which bridge that is; "      \
                    "name it in [networks] of xenferryd.conf(5), with "     \
                    "--network NAME=BRIDGE, or in the document as bridge="

struct nic {
    libxl_device_nic *xl;
    xmlNode *node;
    int kind;
    gboolean openvswitch;
    GString *ips;
    GString *vlan;              /* as vif-openvswitch has it in the bridge */
};

/* -- who it is ------------------------------------------------------------- */

static gboolean
parse_mac(const char *text, guint8 *mac)
{
    for (int i = 0; i < 6; i++, text += 3) {
        int high = g_ascii_xdigit_value(text[0]);
        int low = high < 0 ? -1 : g_ascii_xdigit_value(text[1]);

        if (low < 0 || text[2] != (i < 5 ? ':' : '\0'))
            return FALSE;
        mac[i] = high << 4 | low;
    }
    return TRUE;
}

static gboolean
read_mac(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    struct nic *nic = arg;
    const char *text = xf_xml_need_attr(dom, node, "address", err);

    if (!text)
        return FALSE;
    if (!parse_mac(text, nic->xl->mac))
        return xf_xml_bad(err, node, "address '%s' is not six bytes in hex "
                          "such as 00:16:3e:00:00:01", text);
    if (nic->xl->mac[0] & 1)
        return xf_xml_bad(err, node, "address '%s' is a multicast address",
                          text);
    return TRUE;
}

/* The name vifDOMID.N is the host's own and of this boot only: it gives the
 * device number and no more. */
static gboolean
read_target(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    struct nic *nic = arg;
    const char *dev = xf_xml_need_attr(dom, node, "dev", err);
    guint domid, devid;
    int used = 0;

    if (!dev)
        return FALSE;
    if (sscanf(dev, "vif%u.%u%n", &domid, &devid, &used) == 2 && used
        && (!dev[used] || strcmp(dev + used, "-emu") == 0)) {
        xf_xml_idle(dom, node, "dev");
        return TRUE;
    }
    xf_xml_string_attr(dom, node, "dev", &nic->xl->ifname);
    return TRUE;
}

/* -- where it is plugged in ------------------------------------------------ */

/* NULL: this host does not know that network. */
static const char *
bridge_of(GHashTable *networks, const char *network)
{
    const char *bridge = networks && network
                         ? g_hash_table_lookup(networks, network) : NULL;

    return bridge || !networks || !network
           ? bridge : g_hash_table_lookup(networks, XF_DOMXML_ANY_NETWORK);
}

/* The host's word counts, else the document's: a guest that comes from
 * another host has the bridge of that one with it. */
static gboolean
read_network(struct xf_domxml *dom, xmlNode *node, struct nic *nic,
             GError **err)
{
    const char *network = xf_xml_attr(dom, node, "network");
    const char *written = xf_xml_attr(dom, node, "bridge");
    const char *known = bridge_of(dom->networks, network);

    if (!written || !*written)
        written = NULL;
    if (!network && !written)
        return xf_xml_need_attr(dom, node, "network", err) != NULL;
    if (!known && !written)
        return xf_xml_cannot(err, node, "network '%s': " NETWORK_WHY,
                             network);
    if (known && written)
        xf_xml_idle(dom, node, "bridge");
    else if (network && !known)
        xf_xml_idle(dom, node, "network");
    nic->xl->bridge = xf_xl_strdup(known ? known : written);
    return TRUE;
}

static gboolean
read_source(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    struct nic *nic = arg;

    if (nic->kind == NIC_ETHERNET)
        return xf_xml_cannot(err, node, "an interface of type 'ethernet' "
                             "has no source");
    if (nic->kind == NIC_NETWORK)
        return read_network(dom, node, nic, err);
    if (!xf_xml_need_attr(dom, node, "bridge", err))
        return FALSE;
    if (xf_xml_attr(dom, node, "network"))
        xf_xml_idle(dom, node, "network");
    xf_xml_string_attr(dom, node, "bridge", &nic->xl->bridge);
    return TRUE;
}

static gboolean
read_script(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    struct nic *nic = arg;

    if (!xf_xml_need_attr(dom, node, "path", err))
        return FALSE;
    xf_xml_string_attr(dom, node, "path", &nic->xl->script);
    return TRUE;
}

#define NOT_OPENVSWITCH "libxl's scripts know bridges and Open vSwitch"

static const struct xf_xml_word virtualports[] = {
    { "openvswitch", 1, NULL },
    { "802.1Qbg", 0, NOT_OPENVSWITCH },
    { "802.1Qbh", 0, NOT_OPENVSWITCH },
    { "midonet", 0, NOT_OPENVSWITCH },
    { NULL, 0, NULL }
};

static gboolean
read_virtualport(struct xf_domxml *dom, xmlNode *node, void *arg,
                 GError **err)
{
    struct nic *nic = arg;
    int type;

    if (!xf_xml_need_attr(dom, node, "type", err)
        || !xf_xml_word_attr(dom, node, "type", &type, err))
        return FALSE;
    nic->openvswitch = TRUE;
    return TRUE;
}

static const struct xf_xml_rule virtualport_rules[] = {
    { .name = "parameters", .why = "Open vSwitch's script sets no ids or "
                                   "profiles" },
    { .name = NULL }
};

static gboolean
read_tag(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    struct nic *nic = arg;
    gboolean trunk = nic->vlan->len && nic->vlan->str[0] == ':';
    guint64 id = 0;

    if (!xf_xml_need_attr(dom, node, "id", err)
        || !xf_xml_uint_attr(dom, node, "id", 4095, &id, err))
        return FALSE;
    if (nic->vlan->len && !trunk)
        nic->vlan->str[0] = ':';
    g_string_append_printf(nic->vlan, "%c%u", nic->vlan->len ? ':' : '.',
                           (guint)id);
    return TRUE;
}

static const struct xf_xml_rule vlan_rules[] = {
    { .name = "tag", .attrs = "id !nativeMode", .read = read_tag,
      .attrs_no = "Open vSwitch's script knows no native VLANs",
      .flags = XF_RULE_MANY },
    { .name = NULL }
};

static gboolean
read_vlan(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    struct nic *nic = arg;
    int trunk = 0;

    if (!xf_xml_word_attr(dom, node, "trunk", &trunk, err)
        || !xf_xml_walk(dom, node, vlan_rules, nic, err))
        return FALSE;
    if (trunk && nic->vlan->len)
        nic->vlan->str[0] = ':';
    return TRUE;
}

/* -- what it is ------------------------------------------------------------ */

/* What libxl starts QEMU with, word by word: a comma in it would be another
 * option of QEMU's. */
#define NO_VIRTIO "Xen guests have no virtio devices; use 'netfront'"
#define NO_SUCH_CARD "QEMU's bus for Xen guests has no such card"

enum nic_model {
    MODEL_PV,
    MODEL_EMULATED,
};

const struct xf_xml_word xf_xml_nic_models[] = {
    { "netfront", MODEL_PV, NULL },
    { "xen", MODEL_PV, NULL },
    { "rtl8139", MODEL_EMULATED, NULL },
    { "e1000", MODEL_EMULATED, NULL },
    { "e1000-82544gc", MODEL_EMULATED, NULL },
    { "e1000-82545em", MODEL_EMULATED, NULL },
    { "e1000e", MODEL_EMULATED, NULL },
    { "ne2k_pci", MODEL_EMULATED, NULL },
    { "pcnet", MODEL_EMULATED, NULL },
    { "tulip", MODEL_EMULATED, NULL },
    { "vmxnet3", MODEL_EMULATED, NULL },
    { "i82550", MODEL_EMULATED, NULL },
    { "i82551", MODEL_EMULATED, NULL },
    { "i82557a", MODEL_EMULATED, NULL },
    { "i82557b", MODEL_EMULATED, NULL },
    { "i82557c", MODEL_EMULATED, NULL },
    { "i82558a", MODEL_EMULATED, NULL },
    { "i82558b", MODEL_EMULATED, NULL },
    { "i82559a", MODEL_EMULATED, NULL },
    { "i82559b", MODEL_EMULATED, NULL },
    { "i82559c", MODEL_EMULATED, NULL },
    { "i82559er", MODEL_EMULATED, NULL },
    { "i82562", MODEL_EMULATED, NULL },
    { "i82801", MODEL_EMULATED, NULL },
    { "virtio", 0, NO_VIRTIO },
    { "virtio-transitional", 0, NO_VIRTIO },
    { "virtio-non-transitional", 0, NO_VIRTIO },
    { "virtio-net", 0, NO_VIRTIO },
    { "virtio-net-pci", 0, NO_VIRTIO },
    { "virtio-net-pci-transitional", 0, NO_VIRTIO },
    { "virtio-net-pci-non-transitional", 0, NO_VIRTIO },
    { "usb-net", 0, NO_SUCH_CARD },
    { "igb", 0, NO_SUCH_CARD },
    { "lan9118", 0, NO_SUCH_CARD },
    { "smc91c111", 0, NO_SUCH_CARD },
    { "spapr-vlan", 0, NO_SUCH_CARD },
    { "vlance", 0, NO_SUCH_CARD },
    { NULL, 0, NULL }
};

static gboolean
read_model(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    struct nic *nic = arg;
    const char *type = xf_xml_need_attr(dom, node, "type", err);
    int model = MODEL_PV;

    if (!type || !xf_xml_word_attr(dom, node, "type", &model, err))
        return FALSE;
    if (model == MODEL_PV) {
        nic->xl->nictype = LIBXL_NIC_TYPE_VIF;
        return TRUE;
    }
    if (!xf_xml_is_hvm(dom))
        return xf_xml_cannot(err, node, "type '%s': a guest of type 'linux' "
                             "or 'xenpvh' has 'netfront' only", type);
    nic->xl->model = xf_xl_strdup(type);
    nic->xl->nictype = LIBXL_NIC_TYPE_VIF_IOEMU;
    return TRUE;
}

gboolean
xf_xml_is_address(const char *text)
{
    guint8 bytes[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, text, bytes) == 1
           || inet_pton(AF_INET6, text, bytes) == 1;
}

static gboolean
read_ip(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    struct nic *nic = arg;
    const char *address = xf_xml_need_attr(dom, node, "address", err);
    guint64 prefix = 0;

    if (!address
        || !xf_xml_uint_attr(dom, node, "prefix", 128, &prefix, err))
        return FALSE;
    if (!xf_xml_is_address(address))
        return xf_xml_bad(err, node, "'%s' is no address", address);
    if (prefix > 32 && !strchr(address, ':'))
        return xf_xml_bad(err, node, "an address of IPv4 has no prefix of "
                          "more than 32 bits");
    g_string_append_printf(nic->ips, "%s%s", nic->ips->len ? " " : "",
                           address);
    if (xf_xml_attr(dom, node, "prefix"))
        g_string_append_printf(nic->ips, "/%u", (guint)prefix);
    return TRUE;
}

static gboolean
read_mtu(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    struct nic *nic = arg;

    return xf_xml_need_attr(dom, node, "size", err)
           && xf_xml_int_attr(dom, node, "size", 68, 65535, &nic->xl->mtu,
                              err);
}

static gboolean
read_outbound(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    struct nic *nic = arg;
    guint64 average = 0;

    if (!xf_xml_need_attr(dom, node, "average", err)
        || !xf_xml_uint_attr(dom, node, "average", G_MAXUINT32, &average,
                             err))
        return FALSE;
    if (average == 0)
        return xf_xml_bad(err, node, "an average of 0 would stop the guest's "
                          "network");
    nic->xl->rate_interval_usecs = RATE_INTERVAL_USECS;
    nic->xl->rate_bytes_per_interval =
        average * 1024 * RATE_INTERVAL_USECS / 1000000;
    return TRUE;
}

static const struct xf_xml_rule bandwidth_rules[] = {
    { .name = "inbound", .why = "libxl limits only what a guest sends "
                                "(<outbound>)" },
    { .name = "outbound", .attrs = "average !peak !burst !floor",
      .attrs_no = "libxl's limit is one average rate",
      .read = read_outbound },
    { .name = NULL }
};

static gboolean
read_nic_boot(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    return xf_xml_boot_device(dom, node, 'n', err);
}

static gboolean
read_backenddomain(struct xf_domxml *dom, xmlNode *node, void *arg,
                   GError **err)
{
    struct nic *nic = arg;

    if (!xf_xml_need_attr(dom, node, "name", err))
        return FALSE;
    xf_xml_string_attr(dom, node, "name", &nic->xl->backend_domname);
    return TRUE;
}

static const struct xf_xml_word link_states[] = {
    { "up", 0, NULL },
    { "down", 1, "libxl cannot unplug the cable" },
    { NULL, 0, NULL }
};

static gboolean
read_link(struct xf_domxml *dom, xmlNode *node, void *arg, GError **err)
{
    int state;

    return xf_xml_word_attr(dom, node, "state", &state, err);
}

const struct xf_xml_rule xf_xml_nic_rules[] = {
    { .name = "mac", .attrs = "address ~type", .read = read_mac,
      .attrs_why = "how libvirt judges the address" },
    { .name = "source", .attrs = "bridge network ~portid ~portgroup "
                                 "!dev !mode",
      .attrs_why = "a name inside libvirt; the bridge counts",
      .attrs_no = "libxl plugs an interface into a bridge",
      .idle = "of network and bridge one counts: the network where this "
              "host knows it, else the bridge",
      .read = read_source },
    { .name = "target", .attrs = "dev ~managed", .read = read_target,
      .attrs_why = "libxl makes and unmakes the device itself",
      .idle = "such a name is one that libxl gave it on some host" },
    { .name = "script", .attrs = "path", .read = read_script },
    { .name = "model", .attrs = "type",
      .values = XF_XML_VALUES({ "type", xf_xml_nic_models }),
      .read = read_model },
    { .name = "ip", .attrs = "address prefix ~family !peer",
      .read = read_ip, .attrs_no = "libxl's scripts know no peer's address",
      .attrs_why = "the address shows it",
      .flags = XF_RULE_MANY },
    { .name = "mtu", .attrs = "size", .read = read_mtu },
    { .name = "bandwidth", .children = bandwidth_rules },
    { .name = "virtualport", .attrs = "type",
      .children = virtualport_rules,
      .values = XF_XML_VALUES({ "type", virtualports }),
      .read = read_virtualport },
    { .name = "vlan", .attrs = "trunk",
      .values = XF_XML_VALUES({ "trunk", xf_xml_yes_no }),
      .read = read_vlan,
      .children = vlan_rules, .flags = XF_RULE_OWN },
    { .name = "boot", .attrs = "order", .read = read_nic_boot,
      .idle = XF_XML_BOOT_IDLE },
    { .name = "backenddomain", .attrs = "name", .read = read_backenddomain },
    { .name = "link", .attrs = "state",
      .values = XF_XML_VALUES({ "state", link_states }),
      .read = read_link },
    { .name = "alias", .flags = XF_RULE_HARMLESS,
      .why = "a name inside libvirt" },
    { .name = "address", .flags = XF_RULE_HARMLESS,
      .why = "interfaces of Xen are numbered in their order" },
    { .name = "route", .why = "libxl's scripts set no routes" },
    { .name = "filterref", .why = "network filters are libvirt's own" },
    { .name = "driver", .why = "libxl has no settings for the backend" },
    { .name = "tune", .why = "libxl has no settings for the host's end" },
    { .name = "guest", .why = "containers are not Xen's" },
    { .name = "port", .why = "libxl cannot isolate ports" },
    { .name = "coalesce", .why = "libxl has no setting for it" },
    { .name = "rom", .why = "libxl has no setting for it" },
    { .name = "teaming", .why = "libxl has no setting for it" },
    { .name = "backend", .why = "libxl has no settings for the backend" },
    { .name = "acpi", .why = "libxl has no setting for it" },
    { .name = NULL }
};

/* -- putting it together --------------------------------------------------- */

static gboolean
set_vlan(struct nic *nic, GError **err)
{
    libxl_device_nic *xl = nic->xl;

    if (nic->vlan->len && !nic->openvswitch)
        return xf_xml_cannot(err, nic->node, "libxl does VLANs with Open "
                             "vSwitch only (<virtualport type='openvswitch'/"
                             ">)");
    if (!nic->openvswitch)
        return TRUE;
    if (!xl->bridge)
        return xf_xml_bad(err, nic->node, "Open vSwitch needs a bridge");
    if (nic->vlan->len) {
        g_autofree char *bridge = g_strconcat(xl->bridge, nic->vlan->str,
                                              NULL);

        free(xl->bridge);
        xl->bridge = xf_xl_strdup(bridge);
    }
    if (!xl->script)
        xl->script = xf_xl_strdup("vif-openvswitch");
    return TRUE;
}

gboolean
xf_xml_is_bridge(const char *name)
{
    return strcspn(name, ".:") <= XF_XML_IFNAME_MAX;
}

/* libxl calls the end of QEMU's by the same name and this behind it. */
gsize
xf_xml_ifname_max(gboolean emulated)
{
    return XF_XML_IFNAME_MAX - (emulated ? strlen("-emu") : 0);
}

static gboolean
names_fit(const struct nic *nic, GError **err)
{
    const libxl_device_nic *xl = nic->xl;
    gsize max = xf_xml_ifname_max(xl->nictype != LIBXL_NIC_TYPE_VIF);

    if (xl->bridge && !xf_xml_is_bridge(xl->bridge))
        return xf_xml_cannot(err, nic->node, "Linux has no bridge '%s': its "
                             "names have at most %d characters", xl->bridge,
                             XF_XML_IFNAME_MAX);
    return !xl->ifname || strlen(xl->ifname) <= max
           || xf_xml_cannot(err, nic->node, "dev '%s' is longer than %d "
                            "characters, which such an interface may have in "
                            "dom0", xl->ifname, (int)max);
}

static gboolean
finish_nic(struct xf_domxml *dom, struct nic *nic, GError **err)
{
    libxl_device_nic *xl = nic->xl;

    if (nic->kind == NIC_NETWORK && !xl->bridge)
        return xf_xml_bad(err, nic->node, "type 'network': has no <source "
                          "network=>");
    if (nic->kind == NIC_BRIDGE && !xl->bridge)
        return xf_xml_bad(err, nic->node, "has no <source bridge=>");
    if (nic->ips->len)
        xl->ip = xf_xl_strdup(nic->ips->str);
    if (!xl->nictype)
        xl->nictype = xf_xml_is_hvm(dom) ? LIBXL_NIC_TYPE_VIF_IOEMU
                                         : LIBXL_NIC_TYPE_VIF;
    return names_fit(nic, err) && set_vlan(nic, err);
}

static const struct xf_xml_word nic_types[] = {
    { "bridge", NIC_BRIDGE, NULL },
    { "ethernet", NIC_ETHERNET, NULL },
    { "network", NIC_NETWORK, NULL },
    { "hostdev", 0, "assign the device by <hostdev>" },
    { "direct", 0, "libxl has no macvtap interfaces" },
    { "user", 0, "libxl has no user-mode network" },
    { "vhostuser", 0, "Xen guests have no vhost-user devices" },
    { "vdpa", 0, "Xen guests have no vDPA devices" },
    { NULL, 0, NULL }
};

const struct xf_xml_value xf_xml_nic_values[] = {
    { "type", nic_types }, { NULL, NULL }
};

gboolean
xf_xml_read_interface(struct xf_domxml *dom, xmlNode *node, void *arg,
                      GError **err)
{
    libxl_domain_config *config = dom->config;
    struct nic nic = { .node = node };
    gboolean ok;

    if (!xf_xml_need_attr(dom, node, "type", err)
        || !xf_xml_word_attr(dom, node, "type", &nic.kind, err))
        return FALSE;
    nic.xl = XF_XL_APPEND(config->nics, config->num_nics);
    libxl_device_nic_init(nic.xl);
    nic.xl->devid = config->num_nics - 1;
    nic.ips = g_string_new(NULL);
    nic.vlan = g_string_new(NULL);
    ok = xf_xml_walk(dom, node, xf_xml_nic_rules, &nic, err)
         && finish_nic(dom, &nic, err);
    g_string_free(nic.ips, TRUE);
    g_string_free(nic.vlan, TRUE);
    return ok;
}

/* -- the bridges of networks, for who keeps the document ------------------- */

static gboolean
name_bridge(xmlNode *interface, GHashTable *networks)
{
    xmlNode *source = xf_xml_child(interface, "source");
    xmlChar *type = xmlGetNoNsProp(interface, BAD_CAST "type");
    xmlChar *network = source ? xmlGetNoNsProp(source, BAD_CAST "network")
                              : NULL;
    const char *bridge = xmlStrEqual(type, BAD_CAST "network")
                         ? bridge_of(networks, (const char *)network) : NULL;

    if (bridge)
        xmlSetProp(source, BAD_CAST "bridge", BAD_CAST bridge);
    xmlFree(type);
    xmlFree(network);
    return bridge != NULL;
}

char *
xf_domxml_name_bridges(const char *xml, GHashTable *networks, GError **err)
{
    if (!networks || g_hash_table_size(networks) == 0)
        return g_strdup(xml);

    XF_AUTO_XMLDOC xmlDoc *doc = xf_xml_read(xml, err);
    xmlNode *devices = doc ? xf_xml_child(xmlDocGetRootElement(doc),
                                          "devices") : NULL;
    gboolean changed = FALSE;

    if (!doc)
        return NULL;
    for (xmlNode *n = xf_xml_child(devices, "interface"); n;
         n = xf_xml_next(n->next, "interface"))
        changed = name_bridge(n, networks) || changed;
    return changed ? xf_out_document(doc) : g_strdup(xml);
}
