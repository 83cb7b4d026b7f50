/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Devices that are attached while memory still streams: see early.h.
 *
 * Two things about libxl 4.17 that this rests on:
 * - libxl_device_*_add() reads and writes the stored configuration, and
 *   there is none while the domain is being restored.  One is stored first.
 * - At its end libxl_domain_create_restore() stores its own over that, which
 *   knows nothing of these devices; without them there the next migration
 *   would lose them.  So they are put back afterwards.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "xen/early.h"
#include "xen/internal.h"
#include "xen/xenstore.h"

#define STORED_CONFIG "libxl-json"      /* libxl's name for it */

struct device {
    struct xf_early *early;
    gboolean is_disk;
    int index;                  /* in the array that it was taken from */
    libxl_device_disk disk;
    libxl_device_nic nic;
    GThread *thread;
    GError *err;
};

struct xf_early {
    GPtrArray *devices;         /* struct device *, in order */
    char *rest;                 /* the configuration without them, as JSON */
    struct xf_context_pool *pool;
    int domid;
    gboolean begun;
    void (*failed)(void *user);
    void *user;
};

/* -- taking them out ------------------------------------------------------- */

static void
device_free(gpointer data)
{
    struct device *device = data;

    libxl_device_disk_dispose(&device->disk);
    libxl_device_nic_dispose(&device->nic);
    g_clear_error(&device->err);
    g_free(device);
}

static gboolean
is_block_device(const char *path)
{
    struct stat st;

    return path && stat(path, &st) == 0 && S_ISBLK(st.st_mode);
}

/* Will the kernel's backend here serve it?  As libxl decides that. */
static gboolean
disk_is_early(const libxl_device_disk *disk)
{
    gboolean phy = disk->backend == LIBXL_DISK_BACKEND_PHY ||
                   (disk->backend == LIBXL_DISK_BACKEND_UNKNOWN &&
                    is_block_device(disk->pdev_path));

    return phy && disk->format == LIBXL_DISK_FORMAT_RAW && disk->pdev_path &&
           !disk->is_cdrom && !disk->removable && !disk->backend_domname &&
           disk->backend_domid == 0;
}

static gboolean
nic_is_early(const libxl_device_nic *nic)
{
    return !nic->backend_domname && nic->backend_domid == 0;
}

/* libxl numbers the interfaces of a configuration from the highest number
 * in it, and each one that is attached singly likewise.  So that all get the
 * number that they would have had together, they get it first. */
static void
number_nics(libxl_domain_config *config)
{
    int last = -1;

    for (int i = 0; i < config->num_nics; i++)
        last = MAX(last, config->nics[i].devid);
    for (int i = 0; i < config->num_nics; i++)
        if (config->nics[i].devid < 0)
            config->nics[i].devid = ++last;
}

static struct device *
add_device(struct xf_early *early, gboolean is_disk, int index)
{
    struct device *device = g_new0(struct device, 1);

    device->early = early;
    device->is_disk = is_disk;
    device->index = index;
    libxl_device_disk_init(&device->disk);
    libxl_device_nic_init(&device->nic);
    g_ptr_array_add(early->devices, device);
    return device;
}

/* What is moved into the device's struct is no longer the array's. */
static void
take_disks(struct xf_early *early, libxl_domain_config *config)
{
    int kept = 0;

    for (int i = 0; i < config->num_disks; i++)
        if (disk_is_early(&config->disks[i]))
            add_device(early, TRUE, i)->disk = config->disks[i];
        else
            config->disks[kept++] = config->disks[i];
    config->num_disks = kept;
}

static void
take_nics(struct xf_early *early, libxl_domain_config *config)
{
    int kept = 0;

    number_nics(config);
    for (int i = 0; i < config->num_nics; i++)
        if (nic_is_early(&config->nics[i]))
            add_device(early, FALSE, i)->nic = config->nics[i];
        else
            config->nics[kept++] = config->nics[i];
    config->num_nics = kept;
}

struct xf_early *
xf_early_take(struct xf_context *context, libxl_domain_config *config)
{
    if (config->c_info.type == LIBXL_DOMAIN_TYPE_HVM)
        return NULL;

    struct xf_early *early = g_new0(struct xf_early, 1);

    early->devices = g_ptr_array_new_with_free_func(device_free);
    early->domid = -1;
    take_disks(early, config);
    take_nics(early, config);
    if (early->devices->len == 0) {
        xf_early_free(early);
        return NULL;
    }
    early->rest = libxl_domain_config_to_json(context->libxl, config);
    return early;
}

void
xf_early_free(struct xf_early *early)
{
    g_ptr_array_unref(early->devices);
    free(early->rest);
    g_free(early);
}

/* -- attaching ------------------------------------------------------------- */

gboolean
xf_early_possible(struct xf_context *context, int domid)
{
    g_autofree char *type = xf_xs_read(context->xs, "/libxl/%d/type", domid);

    return type != NULL;
}

static const char *
name_of(const struct device *device)
{
    return device->is_disk ? device->disk.vdev : device->nic.bridge;
}

/* libxl fills in defaults, and what it stores is without them: so a copy. */
static int
add_disk(struct device *device, struct xf_context *c)
{
    libxl_device_disk disk;

    libxl_device_disk_init(&disk);
    libxl_device_disk_copy(c->libxl, &disk, &device->disk);

    int rc = libxl_device_disk_add(c->libxl, device->early->domid, &disk,
                                   NULL);

    libxl_device_disk_dispose(&disk);
    return rc;
}

static int
add_nic(struct device *device, struct xf_context *c)
{
    libxl_device_nic nic;

    libxl_device_nic_init(&nic);
    libxl_device_nic_copy(c->libxl, &nic, &device->nic);

    int rc = libxl_device_nic_add(c->libxl, device->early->domid, &nic, NULL);

    libxl_device_nic_dispose(&nic);
    return rc;
}

static gboolean
attach(struct device *device, GError **err)
{
    XF_LENT struct lent_context lent =
        borrow_context(device->early->pool, err);
    struct xf_context *c = lent.context;

    if (!c)
        return FALSE;

    int rc = device->is_disk ? add_disk(device, c) : add_nic(device, c);

    if (rc)
        xf_context_error(c, err, XF_ERROR_OPERATION_FAILED, rc,
                         "%s %s could not be attached",
                         device->is_disk ? "disk" : "interface on bridge",
                         name_of(device) ? name_of(device) : "(default)");
    return !rc;
}

static gpointer
attach_thread(gpointer data)
{
    struct device *device = data;

    if (!attach(device, &device->err) && device->early->failed)
        device->early->failed(device->early->user);
    return NULL;
}

static int
store(struct xf_context *context, int domid, const char *json)
{
    return libxl_userdata_store(context->libxl, domid, STORED_CONFIG,
                                (const uint8_t *)json, strlen(json) + 1);
}

void
xf_early_begin(struct xf_early *early, struct xf_context_pool *pool,
               struct xf_context *context, int domid,
               void (*failed)(void *user), void *user)
{
    int rc = store(context, domid, early->rest);

    /* The devices will say what that leads to. */
    if (rc)
        g_info("domain %d: its configuration cannot be stored (error %d)",
               domid, rc);
    early->pool = pool;
    early->domid = domid;
    early->begun = TRUE;
    early->failed = failed;
    early->user = user;
    for (guint i = 0; i < early->devices->len; i++) {
        struct device *device = g_ptr_array_index(early->devices, i);

        device->thread = g_thread_new("attach", attach_thread, device);
    }
}

/* -- the end --------------------------------------------------------------- */

/* Every one is waited for; the first error counts. */
static gboolean
join(struct xf_early *early, GError **err)
{
    GError *first = NULL;

    for (guint i = 0; i < early->devices->len; i++) {
        struct device *device = g_ptr_array_index(early->devices, i);

        g_thread_join(device->thread);
        if (device->err && !first)
            first = g_steal_pointer(&device->err);
    }
    if (first)
        g_propagate_error(err, first);
    return !first;
}

/* Room for one more at `index` of an array of libxl's. */
static void *
insert(void *array, int *number, int index, gsize size)
{
    char *items = realloc(array, (*number + 1) * size);

    g_assert(items);
    index = MIN(index, *number);
    memmove(items + (index + 1) * size, items + index * size,
            (*number - index) * size);
    (*number)++;
    return items;
}

static void
put_back(struct device *device, struct xf_context *c,
         libxl_domain_config *config)
{
    int i;

    if (device->is_disk) {
        i = MIN(device->index, config->num_disks);
        config->disks = insert(config->disks, &config->num_disks, i,
                               sizeof(*config->disks));
        libxl_device_disk_init(&config->disks[i]);
        libxl_device_disk_copy(c->libxl, &config->disks[i], &device->disk);
    } else {
        i = MIN(device->index, config->num_nics);
        config->nics = insert(config->nics, &config->num_nics, i,
                              sizeof(*config->nics));
        libxl_device_nic_init(&config->nics[i]);
        libxl_device_nic_copy(c->libxl, &config->nics[i], &device->nic);
    }
}

static void
drop_disk(libxl_domain_config *config, const char *vdev)
{
    int kept = 0;

    for (int i = 0; i < config->num_disks; i++)
        if (g_strcmp0(config->disks[i].vdev, vdev) == 0)
            libxl_device_disk_dispose(&config->disks[i]);
        else
            config->disks[kept++] = config->disks[i];
    config->num_disks = kept;
}

static void
drop_nic(libxl_domain_config *config, int devid)
{
    int kept = 0;

    for (int i = 0; i < config->num_nics; i++)
        if (config->nics[i].devid == devid)
            libxl_device_nic_dispose(&config->nics[i]);
        else
            config->nics[kept++] = config->nics[i];
    config->num_nics = kept;
}

/* All of them in their old order.  One that was attached only after libxl
 * had stored its own configuration is in there already. */
static void
put_all_back(struct xf_early *early, struct xf_context *c,
             libxl_domain_config *config)
{
    for (guint i = 0; i < early->devices->len; i++) {
        struct device *device = g_ptr_array_index(early->devices, i);

        if (device->is_disk)
            drop_disk(config, device->disk.vdev);
        else
            drop_nic(config, device->nic.devid);
    }
    for (guint i = 0; i < early->devices->len; i++)
        put_back(g_ptr_array_index(early->devices, i), c, config);
}

static int
store_whole(struct xf_early *early, struct xf_context *c)
{
    libxl_domain_config config;
    uint8_t *stored = NULL;
    int len = 0;
    int rc = libxl_userdata_retrieve(c->libxl, early->domid, STORED_CONFIG,
                                     &stored, &len);

    if (rc || len <= 0)
        return rc ? rc : ERROR_FAIL;

    g_autofree char *text = g_strndup((char *)stored, len);

    free(stored);
    libxl_domain_config_init(&config);
    rc = libxl_domain_config_from_json(c->libxl, &config, text);
    if (!rc) {
        put_all_back(early, c, &config);

        char *json = libxl_domain_config_to_json(c->libxl, &config);

        rc = json ? store(c, early->domid, json) : ERROR_FAIL;
        free(json);
    }
    libxl_domain_config_dispose(&config);
    return rc;
}

gboolean
xf_early_end(struct xf_early *early, struct xf_context_pool *pool,
             struct xf_context *context, int domid, gboolean restored,
             GError **err)
{
    if (!early->begun && restored)
        xf_early_begin(early, pool, context, domid, NULL, NULL);
    if (!early->begun)
        return TRUE;

    gboolean ok = join(early, err);

    if (!restored) {
        xf_libxl_devices_forget(context, early->domid);
        return ok;
    }

    int rc = ok ? store_whole(early, context) : 0;

    if (rc)
        xf_context_error(context, err, XF_ERROR_OPERATION_FAILED, rc,
                         "domain %d: its disks and interfaces cannot be "
                         "written into its configuration", domid);
    return ok && !rc;
}
