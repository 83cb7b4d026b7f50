/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The destination's part: create, stream, devices, switch. */
#include "config.h"

#include "tests/sim/faults.h"
#include "tests/sim/sim-private.h"
#include "xen/origin.h"
#include "xen/savefile.h"

#include <string.h>

struct sim_incoming {
    struct xf_incoming base;
    struct fakexl *xl;
    struct sim_xml *xml;        /* NULL for an adopted one */
    char *text;
    gboolean ran;               /* see switch(): it may be paused since */
};

static struct sim_incoming *
incoming_new(struct xf_hypervisor *hv, const char *name, const char *uuid,
             guint64 memory_kib)
{
    struct sim_incoming *in = g_new0(struct sim_incoming, 1);

    in->base.hv = hv;
    in->base.name = g_strdup(name);
    xf_uuid_parse(uuid, in->base.uuid);
    in->base.memory_kib = memory_kib;
    in->base.domid = -1;
    in->xl = fakexl_new(((struct sim *)hv)->host);
    return in;
}

void
sim_incoming_free(struct xf_incoming *base)
{
    struct sim_incoming *in = (struct sim_incoming *)base;

    fakexl_free(in->xl);
    sim_xml_free(in->xml);
    g_free(in->text);
    g_free(in->base.name);
    g_free(in);
}

struct xf_incoming *
sim_incoming_create(struct xf_hypervisor *hv, const char *text,
                    const char *name, GError **err)
{
    struct sim *sim = (struct sim *)hv;
    XF_AUTO(sim_xml) *xml = sim_xml_parse(text, err);

    if (!xml)
        return NULL;
    if (sim_point(sim->host, name ? name : xml->name, "incoming-create", 0,
                  -1)) {
        g_set_error(err, XF_ERROR, XF_ERROR_CONFIG_UNSUPPORTED,
                    "domain %s cannot come in, as ordered", xml->name);
        return NULL;
    }

    struct sim_incoming *in = incoming_new(hv, name ? name : xml->name,
                                           xml->uuid, xml->memory_kib);

    in->xml = g_steal_pointer(&xml);
    in->text = g_strdup(text);
    return &in->base;
}

/* A host without the file `origin` takes all. */
static gboolean
fits_origin(struct sim *sim, const char *name, const char *origin,
            GError **err)
{
    g_autofree char *ours = sim_host_read(sim->host, "origin");
    g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);
    struct xf_origin from, here;

    if (!origin || !ours)
        return TRUE;
    if (!xf_origin_parse(origin, &from, err)
        || !xf_origin_parse(ours, &here, err))
        return FALSE;
    xf_origin_compare(&from, &here, problems);
    if (problems->len)
        g_set_error(err, XF_ERROR, XF_ERROR_CONFIG_UNSUPPORTED,
                    "domain '%s' cannot come to this host: %s", name,
                    (const char *)problems->pdata[0]);
    return !problems->len;
}

gboolean
sim_can_arrive(struct xf_incoming *base, const char *origin, GError **err)
{
    struct sim *sim = (struct sim *)base->hv;

    if (!sim_point(sim->host, base->name, "can-arrive", 0, -1))
        return fits_origin(sim, base->name, origin, err);
    g_set_error(err, XF_ERROR, XF_ERROR_CONFIG_UNSUPPORTED,
                "domain '%s' cannot come to this host, as ordered",
                base->name);
    return FALSE;
}

gboolean
sim_incoming_stream(struct xf_incoming *base, int fd, GError **err)
{
    struct sim_incoming *in = (struct sim_incoming *)base;
    g_autofree char *name = g_strconcat(base->name, XF_INCOMING_SUFFIX, NULL);
    struct fakexl_config config;

    sim_fill_config(in->xml, name, in->text, &config);

    int rc = fakexl_create_restore(in->xl, &config, &base->domid, fd);

    if (!rc)
        return TRUE;
    sim_set_error(err, in->xl, rc, base->domid, "receive it");
    if (base->domid < 0)
        return FALSE;
    /* after an abort libxl leaves the domain to us; after other failures it
     * is not there any more */
    rc = fakexl_destroy(in->xl, base->domid);
    if (!rc || rc == FAKEXL_NOT_FOUND)
        g_atomic_int_set(&base->domid, -1);
    return FALSE;
}

gboolean
sim_incoming_devices(struct xf_incoming *base, GError **err)
{
    struct sim_incoming *in = (struct sim_incoming *)base;
    struct sim *sim = (struct sim *)base->hv;
    gboolean fails = sim_point(sim->host, base->name, "devices", 0,
                               in->xl->abort_fd);
    XF_AUTO(sim_domain) *dom = sim_look_up(sim, base->domid, err);

    if (!dom)
        return FALSE;
    if (fails)
        g_set_error(err, XF_ERROR, XF_ERROR_OPERATION_FAILED,
                    "domain %s: its devices fail as ordered", base->name);
    return !fails;
}

gboolean
sim_incoming_left(struct xf_hypervisor *hv, int domid)
{
    struct sim *sim = (struct sim *)hv;
    XF_AUTO(sim_domain) *dom = sim_look_up(sim, domid, NULL);

    return dom && dom->incoming;
}

static void
no_more_incoming(struct sim *sim, int domid)
{
    SIM_LOCK(sim->host);
    XF_AUTO(sim_domain) *dom = sim_host_get(sim->host, domid);

    if (dom) {
        dom->incoming = 0;
        sim_host_put(sim->host, dom);
    }
}

static gboolean
let_run(struct sim_incoming *in, struct sim *sim, GError **err)
{
    int rc = fakexl_unpause(in->xl, in->base.domid);

    if (rc)
        sim_set_error(err, in->xl, rc, in->base.domid, "let it run");
    else
        sim_point(sim->host, in->base.name, "unpaused", 0, -1);
    return !rc;
}

static gboolean
take_name(struct sim_incoming *in, struct sim *sim, GError **err)
{
    int rc = fakexl_rename(in->xl, in->base.domid, in->base.name);

    if (rc)
        sim_set_error(err, in->xl, rc, in->base.domid, "give it its name");
    else
        sim_point(sim->host, in->base.name, "renamed", 0, -1);
    return !rc;
}

/* As xen/incoming.c has it: the name last. */
gboolean
sim_incoming_switch(struct xf_incoming *base, gboolean paused, GError **err)
{
    struct sim_incoming *in = (struct sim_incoming *)base;
    struct sim *sim = (struct sim *)base->hv;
    XF_AUTO(sim_domain) *dom = sim_look_up(sim, base->domid, err);

    if (!dom || (!in->ran && !paused && !let_run(in, sim, err)))
        return FALSE;
    in->ran = TRUE;
    if (strcmp(dom->name, base->name) && !take_name(in, sim, err))
        return FALSE;
    no_more_incoming(sim, base->domid);
    return TRUE;
}

static gboolean
is_adoptable(const struct sim_domain *dom, const char *uuid, const char *name)
{
    g_autofree char *temporary = g_strconcat(name, XF_INCOMING_SUFFIX, NULL);

    return !dom->dying && !strcmp(dom->uuid, uuid) &&
           (!*dom->name || !strcmp(dom->name, name) ||
            !strcmp(dom->name, temporary)) &&
           dom->populated_kib == dom->memory_kib && !dom->helper;
}

struct xf_incoming *
sim_incoming_adopt(struct xf_hypervisor *hv, const guint8 *uuid,
                   const char *name, GError **err)
{
    struct sim *sim = (struct sim *)hv;
    char text[XF_UUID_STRING_LEN + 1];
    SIM_LOCK(sim->host);
    g_autoptr(GPtrArray) all = sim_host_domains(sim->host);

    xf_uuid_format(uuid, text);
    for (guint i = 0; i < all->len; i++) {
        struct sim_domain *dom = all->pdata[i];

        if (!is_adoptable(dom, text, name))
            continue;

        struct sim_incoming *in = incoming_new(hv, name, text,
                                               dom->memory_kib);

        in->base.domid = dom->domid;
        return &in->base;
    }
    g_set_error(err, XF_ERROR, XF_ERROR_NO_DOMAIN,
                "no complete domain %s with uuid %s to take up", name, text);
    return NULL;
}

void
sim_incoming_abort(struct xf_incoming *base)
{
    fakexl_abort(((struct sim_incoming *)base)->xl);
}

/* -- in a file: xl's form, with XML where xl has JSON -- */

gboolean
sim_save_head(struct xf_hypervisor *hv, int domid, gboolean paused, int fd,
              GError **err)
{
    struct xf_savefile head = { .paused = paused };

    head.config = hv->ops->describe(hv, domid, 0, err);

    gboolean ok = head.config && xf_savefile_write(fd, &head, err);

    xf_savefile_clear(&head);
    return ok;
}

struct xf_incoming *
sim_incoming_saved(struct xf_hypervisor *hv, int fd, gboolean *paused,
                   GError **err)
{
    struct xf_savefile head;
    struct xf_incoming *in;

    if (!xf_savefile_read(fd, &head, err))
        return NULL;
    in = sim_incoming_create(hv, head.config, NULL, err);
    *paused = head.paused;
    xf_savefile_clear(&head);
    return in;
}
