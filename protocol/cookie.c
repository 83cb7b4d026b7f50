/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Cookie XML.  Layout, one element a line, indented by two spaces:
 *
 *   <libxl-migration>
 *     <name/> <uuid/> <hostname/> <migration-stream-version/>
 *     <handoff xmlns='urn:xenferry:cookie:1'>
 *       <token/> <key/> <address/> <port/> <state/> <proof/>
 *       <log/> <log-key/> <origin/>
 *     </handoff>
 *   </libxl-migration>
 *
 * One table for each of the two levels says what an element may hold.
 */
#include "config.h"

#include "protocol/cookie.h"
#include "protocol/hypervisor.h"

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <string.h>

#define NAMESPACE "urn:xenferry:cookie:1"
#define HOST_MAX_BYTES 255
#define STATE_MAX_BYTES 32

G_STATIC_ASSERT(XF_KEY_LEN == 32); /* what HMAC-SHA256 gives */

void
xf_cookie_free(struct xf_cookie *cookie)
{
    if (!cookie)
        return;
    g_free(cookie->name);
    g_free(cookie->hostname);
    g_free(cookie->address);
    g_free(cookie->state);
    g_free(cookie->origin);
    explicit_bzero(cookie, sizeof(*cookie));
    g_free(cookie);
}

gboolean
xf_token_valid(const char *token)
{
    return strlen(token) == XF_TOKEN_LEN
        && strspn(token, "0123456789abcdef") == XF_TOKEN_LEN;
}

gboolean
xf_secret_equal(const guint8 *a, const guint8 *b, gsize len)
{
    volatile guint8 differ = 0;

    for (gsize i = 0; i < len; i++)
        differ |= a[i] ^ b[i];
    return differ == 0;
}

void
xf_cookie_proof(const guint8 *key, const char *token, guint8 *out)
{
    static const char label[] = "xenferry committed";
    gsize len = XF_KEY_LEN;
    GHmac *hmac = g_hmac_new(G_CHECKSUM_SHA256, key, XF_KEY_LEN);

    g_hmac_update(hmac, (const guchar *)label, strlen(label));
    g_hmac_update(hmac, (const guchar *)token, strlen(token));
    g_hmac_get_digest(hmac, out, &len);
    g_hmac_unref(hmac);
}

/* -- writing -- */

static void
append_element(GString *out, int depth, const char *element, const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    g_autofree char *escaped = g_markup_escape_text(valid, -1);

    g_string_append_printf(out, "%*s<%s>%s</%s>\n", 2 * depth, "", element,
                           escaped, element);
}

static void
append_number(GString *out, int depth, const char *element, guint number)
{
    char text[16];

    g_snprintf(text, sizeof(text), "%u", number);
    append_element(out, depth, element, text);
}

static void
append_secret(GString *out, int depth, const char *element,
              const guint8 *secret)
{
    char hex[2 * XF_KEY_LEN + 1];

    append_element(out, depth, element,
                   xf_hex_format(secret, XF_KEY_LEN, hex));
    explicit_bzero(hex, sizeof(hex));
}

static void
append_handoff(GString *out, const struct xf_cookie *cookie)
{
    g_string_append(out, "  <handoff xmlns='" NAMESPACE "'>\n");
    append_element(out, 2, "token", cookie->token);
    if (cookie->has_key)
        append_secret(out, 2, "key", cookie->key);
    if (cookie->address) {
        append_element(out, 2, "address", cookie->address);
        append_number(out, 2, "port", cookie->port);
    }
    if (cookie->state)
        append_element(out, 2, "state", cookie->state);
    if (cookie->has_proof)
        append_secret(out, 2, "proof", cookie->proof);
    if (cookie->log[0]) {
        append_element(out, 2, "log", cookie->log);
        append_secret(out, 2, "log-key", cookie->log_key);
    }
    if (cookie->origin)
        append_element(out, 2, "origin", cookie->origin);
    g_string_append(out, "  </handoff>\n");
}

GBytes *
xf_cookie_format(const struct xf_cookie *cookie)
{
    GString *out = g_string_new("<libxl-migration>\n");
    char uuid[XF_UUID_STRING_LEN + 1];

    append_element(out, 1, "name", cookie->name);
    append_element(out, 1, "uuid", xf_uuid_format(cookie->uuid, uuid));
    if (cookie->hostname)
        append_element(out, 1, "hostname", cookie->hostname);
    append_number(out, 1, "migration-stream-version", cookie->stream_version);
    if (cookie->token[0])
        append_handoff(out, cookie);
    g_string_append(out, "</libxl-migration>\n");

    /* the NUL that ends the string belongs to the cookie */
    gsize len = out->len + 1;

    return g_bytes_new_take(g_string_free(out, FALSE), len);
}

/* -- reading: what one element may hold -- */

/* Checks `text` and puts it into the cookie; returns NULL, or what is wrong
 * with it, to follow "element <x> ". */
typedef const char *take_func(struct xf_cookie *cookie, const char *text);

static gboolean
parse_number(const char *text, guint max, guint *number)
{
    guint64 value;

    /* the length is checked first: g_ascii_string_to_unsigned takes any
     * number of leading zeros */
    if (strlen(text) > 5
        || !g_ascii_string_to_unsigned(text, 10, 1, max, &value, NULL))
        return FALSE;
    *number = value;
    return TRUE;
}

static const char *
take_name(struct xf_cookie *cookie, const char *text)
{
    const char *fault = xf_name_fault(text);

    cookie->name = fault ? NULL : g_strdup(text);
    return fault;
}

static const char *
take_uuid(struct xf_cookie *cookie, const char *text)
{
    char again[XF_UUID_STRING_LEN + 1];

    if (!xf_uuid_parse(text, cookie->uuid)
        || g_ascii_strcasecmp(xf_uuid_format(cookie->uuid, again), text))
        return "is not a uuid of 36 characters";
    return NULL;
}

static const char *
check_host(const char *text)
{
    gsize len = strlen(text);

    if (!len || len > HOST_MAX_BYTES)
        return "must have 1 to 255 bytes";
    for (const char *p = text; *p; p++)
        if (!g_ascii_isalnum(*p) && !strchr(".-_:%", *p))
            return "is not a host name or address";
    return NULL;
}

static const char *
take_hostname(struct xf_cookie *cookie, const char *text)
{
    const char *wrong = check_host(text);

    if (!wrong)
        cookie->hostname = g_strdup(text);
    return wrong;
}

static const char *
take_stream_version(struct xf_cookie *cookie, const char *text)
{
    if (!parse_number(text, G_MAXUINT16, &cookie->stream_version))
        return "is not a number from 1 to 65535";
    return NULL;
}

static const char *
take_token(struct xf_cookie *cookie, const char *text)
{
    if (!xf_token_valid(text))
        return "is not 32 lower-case hex digits";
    memcpy(cookie->token, text, XF_TOKEN_LEN + 1);
    return NULL;
}

static const char *
take_key(struct xf_cookie *cookie, const char *text)
{
    cookie->has_key = xf_hex_parse(text, cookie->key, XF_KEY_LEN);
    return cookie->has_key ? NULL : "is not 64 lower-case hex digits";
}

static const char *
take_address(struct xf_cookie *cookie, const char *text)
{
    const char *wrong = check_host(text);

    if (!wrong)
        cookie->address = g_strdup(text);
    return wrong;
}

static const char *
take_port(struct xf_cookie *cookie, const char *text)
{
    guint port;

    if (!parse_number(text, G_MAXUINT16, &port))
        return "is not a number from 1 to 65535";
    cookie->port = port;
    return NULL;
}

static const char *
take_state(struct xf_cookie *cookie, const char *text)
{
    gsize len = strlen(text);

    if (!len || len > STATE_MAX_BYTES
        || strspn(text, "abcdefghijklmnopqrstuvwxyz-") != len)
        return "is not the name of a state";
    cookie->state = g_strdup(text);
    return NULL;
}

static const char *
take_proof(struct xf_cookie *cookie, const char *text)
{
    cookie->has_proof = xf_hex_parse(text, cookie->proof, XF_KEY_LEN);
    return cookie->has_proof ? NULL : "is not 64 lower-case hex digits";
}

static const char *
take_log(struct xf_cookie *cookie, const char *text)
{
    if (!xf_token_valid(text))
        return "is not 32 lower-case hex digits";
    memcpy(cookie->log, text, sizeof(cookie->log));
    return NULL;
}

static const char *
take_log_key(struct xf_cookie *cookie, const char *text)
{
    cookie->has_log_key = xf_hex_parse(text, cookie->log_key, XF_KEY_LEN);
    return cookie->has_log_key ? NULL : "is not 64 lower-case hex digits";
}

static const char *
take_origin(struct xf_cookie *cookie, const char *text)
{
    gsize len = strlen(text);

    if (!len || len > XF_ORIGIN_MAX)
        return "must have 1 to 512 bytes";
    for (const char *p = text; *p; p++)
        if (!g_ascii_isprint(*p))
            return "has a character that is not printable ASCII";
    cookie->origin = g_strdup(text);
    return NULL;
}

/* -- reading: the tree -- */

struct element {
    const char *name;
    gboolean required;
    take_func *take;
};

/* libvirt's, without a namespace */
static const struct element libvirts[] = {
    { "name", TRUE, take_name },
    { "uuid", TRUE, take_uuid },
    { "hostname", FALSE, take_hostname },
    { "migration-stream-version", TRUE, take_stream_version },
    { NULL, FALSE, NULL }
};

/* ours, in our namespace, inside <handoff> */
static const struct element ours[] = {
    { "token", TRUE, take_token },
    { "key", FALSE, take_key },
    { "address", FALSE, take_address },
    { "port", FALSE, take_port },
    { "state", FALSE, take_state },
    { "proof", FALSE, take_proof },
    { "log", FALSE, take_log },
    { "log-key", FALSE, take_log_key },
    { "origin", FALSE, take_origin },
    { NULL, FALSE, NULL }
};

static gboolean
bad_element(GError **err, const char *name, const char *wrong)
{
    g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                "migration cookie: element <%s> %s", name, wrong);
    return FALSE;
}

static gboolean
in_namespace(const xmlNode *node, const char *namespace)
{
    if (!node->ns)
        return namespace == NULL;
    return namespace && xmlStrEqual(node->ns->href, BAD_CAST namespace);
}

static gboolean
take_element(struct xf_cookie *cookie, const struct element *element,
             xmlNode *node, GError **err)
{
    for (const xmlNode *child = node->children; child; child = child->next)
        if (child->type != XML_TEXT_NODE)
            return bad_element(err, element->name,
                               "has something other than text in it");

    xmlChar *text = xmlNodeGetContent(node);

    if (!text)
        return bad_element(err, element->name, "cannot be read");

    const char *wrong = element->take(cookie, (const char *)text);

    explicit_bzero(text, strlen((const char *)text));
    xmlFree(text);
    return wrong ? bad_element(err, element->name, wrong) : TRUE;
}

/* Reads the children of `parent` that `table` knows; others are ignored. */
static gboolean
take_children(struct xf_cookie *cookie, const xmlNode *parent,
              const struct element *table, const char *namespace,
              GError **err)
{
    guint seen = 0;

    for (xmlNode *node = parent->children; node; node = node->next) {
        const struct element *e = table;

        if (node->type != XML_ELEMENT_NODE || !in_namespace(node, namespace))
            continue;
        while (e->name && !xmlStrEqual(node->name, BAD_CAST e->name))
            e++;
        if (!e->name)
            continue;
        if (seen & 1u << (e - table))
            return bad_element(err, e->name, "is there twice");
        seen |= 1u << (e - table);
        if (!take_element(cookie, e, node, err))
            return FALSE;
    }
    for (const struct element *e = table; e->name; e++)
        if (e->required && !(seen & 1u << (e - table)))
            return bad_element(err, e->name, "is missing");
    return TRUE;
}

static gboolean
take_handoff(struct xf_cookie *cookie, const xmlNode *root, GError **err)
{
    const xmlNode *handoff = NULL;

    for (const xmlNode *node = root->children; node; node = node->next) {
        if (node->type != XML_ELEMENT_NODE || !in_namespace(node, NAMESPACE)
            || !xmlStrEqual(node->name, BAD_CAST "handoff"))
            continue;
        if (handoff)
            return bad_element(err, "handoff", "is there twice");
        handoff = node;
    }
    if (!handoff)
        return TRUE;
    if (!take_children(cookie, handoff, ours, NAMESPACE, err))
        return FALSE;
    if (!cookie->address != !cookie->port)
        return bad_element(err, cookie->address ? "port" : "address",
                           "is missing");
    if (!cookie->log[0] != !cookie->has_log_key)
        return bad_element(err, cookie->log[0] ? "log-key" : "log",
                           "is missing");
    return TRUE;
}

static struct xf_cookie *
read_tree(xmlDoc *doc, GError **err)
{
    XF_AUTO(xf_cookie) *cookie = g_new0(struct xf_cookie, 1);
    const xmlNode *root = xmlDocGetRootElement(doc);

    if (!root || !in_namespace(root, NULL)
        || !xmlStrEqual(root->name, BAD_CAST "libxl-migration")) {
        bad_element(err, "libxl-migration", "is not the root");
        return NULL;
    }
    if (!take_children(cookie, root, libvirts, NULL, err)
        || !take_handoff(cookie, root, err))
        return NULL;
    return g_steal_pointer(&cookie);
}

/* -- reading: the text -- */

/* SAX callback: no entity may even be declared. */
static void
refuse_doctype(void *user, const xmlChar *name, const xmlChar *external,
               const xmlChar *system)
{
    xmlParserCtxt *ctxt = user;

    ctxt->_private = (void *)"a document type declaration is not allowed";
    xmlStopParser(ctxt);
}

static xmlDoc *
parse_text(const char *text, gsize len, GError **err)
{
    xmlParserCtxt *ctxt = xmlNewParserCtxt();

    if (!ctxt)
        g_error("no memory for an XML parser");
    ctxt->sax->internalSubset = refuse_doctype;

    /* no limit is lifted (XML_PARSE_HUGE), no entity substituted, nothing
     * loaded; the encoding is ours to say, not the document's */
    xmlDoc *doc = xmlCtxtReadMemory(ctxt, text, len, NULL, "UTF-8",
                                    XML_PARSE_NONET | XML_PARSE_NOERROR
                                        | XML_PARSE_NOWARNING
                                        | XML_PARSE_NOCDATA);

    if (!doc || ctxt->_private) {
        const xmlError *e = xmlCtxtGetLastError(ctxt);
        g_autofree char *why =
            g_strdup(ctxt->_private   ? ctxt->_private
                     : e && e->message ? e->message
                                       : "not well-formed");

        g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                    "migration cookie: line %d: %s", e ? e->line : 1,
                    g_strchomp(why));
        g_clear_pointer(&doc, xmlFreeDoc);
    }
    xmlFreeParserCtxt(ctxt);
    return doc;
}

struct xf_cookie *
xf_cookie_parse(GBytes *bytes, GError **err)
{
    gsize len = 0;
    const char *text = bytes ? g_bytes_get_data(bytes, &len) : NULL;

    if (len > XF_COOKIE_READ_MAX) {
        g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                    "migration cookie: %" G_GSIZE_FORMAT
                    " bytes, more than %d", len, XF_COOKIE_READ_MAX);
        return NULL;
    }
    if (len && text[len - 1] == '\0')
        len--;
    if (!len || !g_utf8_validate_len(text, len, NULL)) {
        g_set_error(err, XF_ERROR, XF_ERROR_INVALID_ARG,
                    "migration cookie: %s",
                    len ? "not UTF-8 text" : "empty");
        return NULL;
    }

    xmlDoc *doc = parse_text(text, len, err);

    if (!doc)
        return NULL;

    struct xf_cookie *cookie = read_tree(doc, err);

    xmlFreeDoc(doc);
    return cookie;
}
