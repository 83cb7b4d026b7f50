/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lets Debian's C xenstored run on a machine without Xen: preloaded into it,
 * this answers for the hypervisor, its event channels and its grants, of
 * which a xenstored that no domain but dom0 talks to needs nothing.
 */
#include "config.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xenctrl.h>
#include <xenevtchn.h>
#include <xengnttab.h>

#define PAGE 4096
#define LOCAL_PORT 1

static int handle;              /* any address: nobody looks behind it */

/* -- hypercalls -- */

xc_interface *
xc_interface_open(xentoollog_logger *logger, xentoollog_logger *dombuild,
                  unsigned int flags)
{
    return (xc_interface *)&handle;
}

int
xc_interface_close(xc_interface *xch)
{
    return 0;
}

/* -- grants -- */

xengnttab_handle *
xengnttab_open(struct xentoollog_logger *logger, unsigned int flags)
{
    return (xengnttab_handle *)&handle;
}

int
xengnttab_close(xengnttab_handle *xgt)
{
    return 0;
}

int
xengnttab_set_max_grants(xengnttab_handle *xgt, uint32_t nr_grants)
{
    return 0;
}

/* -- event channels: one that never rings -- */

static int bell = -1;

xenevtchn_handle *
xenevtchn_open(struct xentoollog_logger *logger, unsigned int flags)
{
    bell = eventfd(0, EFD_CLOEXEC);
    return bell < 0 ? NULL : (xenevtchn_handle *)&handle;
}

xenevtchn_handle *
xenevtchn_fdopen(struct xentoollog_logger *logger, int fd, unsigned int flags)
{
    bell = fd;
    return (xenevtchn_handle *)&handle;
}

int
xenevtchn_close(xenevtchn_handle *xce)
{
    return close(bell);
}

int
xenevtchn_fd(xenevtchn_handle *xce)
{
    return bell;
}

xenevtchn_port_or_error_t
xenevtchn_bind_virq(xenevtchn_handle *xce, unsigned int virq)
{
    return LOCAL_PORT;
}

xenevtchn_port_or_error_t
xenevtchn_bind_interdomain(xenevtchn_handle *xce, uint32_t domid,
                           evtchn_port_t remote_port)
{
    return LOCAL_PORT;
}

int
xenevtchn_notify(xenevtchn_handle *xce, evtchn_port_t port)
{
    return 0;
}

int
xenevtchn_unbind(xenevtchn_handle *xce, evtchn_port_t port)
{
    return 0;
}

int
xenevtchn_unmask(xenevtchn_handle *xce, evtchn_port_t port)
{
    return 0;
}

xenevtchn_port_or_error_t
xenevtchn_pending(xenevtchn_handle *xce)
{
    errno = EAGAIN;
    return -1;
}

/* -- dom0's own ring: a page and a port number -- */

static int
open_memory(const char *name, const char *text)
{
    int fd = memfd_create(name, MFD_CLOEXEC);
    ssize_t len = strlen(text);

    if (fd < 0)
        return -1;
    if (ftruncate(fd, len ? len : PAGE) || pwrite(fd, text, len, 0) != len) {
        close(fd);
        return -1;
    }
    return fd;
}

int
open(const char *path, int flags, ...)
{
    int (*next)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
    mode_t mode = 0;

    if (!strcmp(path, "/proc/xen/xsd_kva"))
        return open_memory("xsd_kva", "");
    if (!strcmp(path, "/proc/xen/xsd_port"))
        return open_memory("xsd_port", "1");
    if (flags & O_CREAT) {
        va_list ap;

        va_start(ap, flags);
        mode = va_arg(ap, mode_t);
        va_end(ap);
    }
    return next(path, flags, mode);
}
