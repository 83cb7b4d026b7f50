/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inside the client: one connection and its calls (remote.c), on which the
 * driver's entries stand (client.c, client-migrate.c).
 */
#ifndef XF_PROTOCOL_RPC_REMOTE_H
#define XF_PROTOCOL_RPC_REMOTE_H

#include "protocol/driver.h"
#include "protocol/rpc/client.h"
#include "protocol/rpc/message.h"

/* Sends a call and waits for its reply; `ret` is zeroed before and freed
 * with xdr_free() after, also after a failure.  Filters may be NULL. */
gboolean xf_remote_call(struct xf_conn *conn, enum xfw_proc proc,
                        xdrproc_t args_filter, void *args,
                        xdrproc_t ret_filter, void *ret, GError **err);

/* The same for a call that opens a stream, whose bytes go between the peer and
 * fd, which this takes over: stream.h. */
gboolean xf_remote_call_stream(struct xf_conn *conn, enum xfw_proc proc,
                               xdrproc_t args_filter, void *args,
                               xdrproc_t ret_filter, void *ret, int fd,
                               GError **err);
/* xf_rpc_link_dup(). */
int xf_remote_dup(struct xf_conn *conn);

/* The same for our own program. */
gboolean xf_remote_admin(struct xf_conn *conn, enum xfw_admin_proc proc,
                         xdrproc_t args_filter, void *args,
                         xdrproc_t ret_filter, void *ret, GError **err);

/* Does the peer take the v3 phases with typed parameters?  1, 0; -1 error.
 * Asked once. */
int xf_remote_has_params(struct xf_conn *conn, GError **err);

/* Connects nothing yet: the struct with its thread and its link, which takes
 * over fd. */
struct xf_conn *xf_remote_new(int fd, const char *peer);
/* The calls that open a connection; at most until `deadline`. */
gboolean xf_remote_start(struct xf_conn *conn,
                         const struct xf_remote_config *config,
                         gint64 deadline, GError **err);
/* Driver entries. */
void xf_remote_close(struct xf_conn *conn);
void xf_remote_client_gone(struct xf_conn *conn);

extern const struct xf_driver xf_remote_driver;

/* Shapes that are in both directions of many calls. */
void xf_remote_fill_domain(struct xfw_domain *wire,
                           const struct xf_domain_ref *ref);
struct xf_domain_ref *xf_remote_take_domain(const struct xfw_domain *wire);

/* client-defined.c */
struct xf_domain_ref *xf_remote_define_xml(struct xf_conn *conn,
                                           const char *xml, guint flags,
                                           GError **err);
gboolean xf_remote_undefine(struct xf_conn *conn,
                            const struct xf_domain_ref *dom, guint flags,
                            GError **err);
struct xf_domain_ref *xf_remote_start_domain(struct xf_conn *conn,
                                             const struct xf_domain_ref *dom,
                                             guint flags, GError **err);
gboolean xf_remote_is_persistent(struct xf_conn *conn,
                                 const struct xf_domain_ref *dom,
                                 gboolean *persistent, GError **err);
gboolean xf_remote_get_autostart(struct xf_conn *conn,
                                 const struct xf_domain_ref *dom,
                                 gboolean *autostart, GError **err);
gboolean xf_remote_set_autostart(struct xf_conn *conn,
                                 const struct xf_domain_ref *dom,
                                 gboolean autostart, GError **err);

/* client-admin.c */
GPtrArray *xf_remote_list_handoffs(struct xf_conn *conn, GError **err);
char *xf_remote_resolve_handoff(struct xf_conn *conn, const char *token,
                                enum xf_assume what, GError **err);

/* client-migrate.c */
gboolean xf_remote_prepare(struct xf_conn *conn,
                           const struct xf_migrate_args *args,
                           GBytes **cookie_out, char **uri_out, GError **err);
gboolean xf_remote_perform(struct xf_conn *conn,
                           const struct xf_domain_ref *dom,
                           const struct xf_migrate_args *args, GError **err);
struct xf_domain_ref *xf_remote_finish(struct xf_conn *conn,
                                       const struct xf_migrate_args *args,
                                       GError **err);
gboolean xf_remote_prepare2(struct xf_conn *conn,
                            const struct xf_migrate_args *args,
                            GBytes **cookie_out, char **uri_out,
                            GError **err);
gboolean xf_remote_prepare_tunnel(struct xf_conn *conn,
                                  const struct xf_migrate_args *args,
                                  struct xf_tunnel *tunnel,
                                  GBytes **cookie_out, GError **err);
struct xf_domain_ref *xf_remote_finish2(struct xf_conn *conn,
                                        const struct xf_migrate_args *args,
                                        GError **err);
char *xf_remote_begin3(struct xf_conn *conn, const struct xf_domain_ref *dom,
                       const struct xf_migrate_args *args,
                       GBytes **cookie_out, GError **err);
gboolean xf_remote_prepare3(struct xf_conn *conn,
                            const struct xf_migrate_args *args,
                            GBytes **cookie_out, char **uri_out,
                            GError **err);
gboolean xf_remote_prepare_tunnel3(struct xf_conn *conn,
                                   const struct xf_migrate_args *args,
                                   struct xf_tunnel *tunnel,
                                   GBytes **cookie_out, GError **err);
gboolean xf_remote_perform3(struct xf_conn *conn,
                            const struct xf_domain_ref *dom,
                            const struct xf_migrate_args *args,
                            GBytes **cookie_out, GError **err);
struct xf_domain_ref *xf_remote_finish3(struct xf_conn *conn,
                                        const struct xf_migrate_args *args,
                                        GBytes **cookie_out, GError **err);
gboolean xf_remote_confirm3(struct xf_conn *conn,
                            const struct xf_domain_ref *dom,
                            const struct xf_migrate_args *args, GError **err);

/* Owning locals for results: `XFW_AUTO(xfw_dom) ret = { 0 };` */
#define XFW_DEFINE_AUTO(type)                                               \
    static inline void type##_auto_clear(type *p)                           \
    {                                                                       \
        xdr_free(XF_XDR(type), p);                                          \
    }                                                                       \
    struct type
#define XFW_AUTO(type) __attribute__((cleanup(type##_auto_clear))) type

XFW_DEFINE_AUTO(xfw_string_ret);
XFW_DEFINE_AUTO(xfw_dom);
XFW_DEFINE_AUTO(xfw_auth_list_ret);
XFW_DEFINE_AUTO(xfw_list_all_ret);
XFW_DEFINE_AUTO(xfw_list_handoffs_ret);
XFW_DEFINE_AUTO(xfw_job_stats_ret);
XFW_DEFINE_AUTO(xfw_prepare_ret);
XFW_DEFINE_AUTO(xfw_begin3_ret);
XFW_DEFINE_AUTO(xfw_perform3_ret);
XFW_DEFINE_AUTO(xfw_finish3_ret);

#endif
