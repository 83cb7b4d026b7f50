/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libxl's JSON of a configuration: see config-json.h. */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <xentoollog.h>

#include "protocol/error.h"
#include "xen/config-json.h"
#include "xen/domxml-residual.h"

/* libxl's own trees are 7 deep; parsers recurse. */
#define DEPTH_MAX 32
/* Numbers in lists are bits of sets, interrupts, rates: all small. */
#define LIST_NUMBER_MAX (1024 * 1024)

/* -- text to a tree -------------------------------------------------------- */

static gboolean
too_deep(const char *text)
{
    gboolean quoted = FALSE;
    int depth = 0;

    for (; *text; text++) {
        if (quoted && *text == '\\' && text[1])
            text++;
        else if (*text == '"')
            quoted = !quoted;
        else if (!quoted && (*text == '[' || *text == '{')
                 && ++depth > DEPTH_MAX)
            return TRUE;
        else if (!quoted && (*text == ']' || *text == '}'))
            depth--;
    }
    return FALSE;
}

static gboolean
numbers_sane(JsonNode *node, gboolean in_list)
{
    gboolean ok = TRUE;

    if (JSON_NODE_HOLDS_ARRAY(node)) {
        JsonArray *array = json_node_get_array(node);

        for (guint i = 0; ok && i < json_array_get_length(array); i++)
            ok = numbers_sane(json_array_get_element(array, i), TRUE);
    } else if (JSON_NODE_HOLDS_OBJECT(node)) {
        g_autoptr(GList) values =
            json_object_get_values(json_node_get_object(node));

        for (GList *l = values; ok && l; l = l->next)
            ok = numbers_sane(l->data, FALSE);
    } else if (in_list && JSON_NODE_HOLDS_VALUE(node)
               && json_node_get_value_type(node) == G_TYPE_INT64) {
        gint64 value = json_node_get_int(node);

        ok = value >= 0 && value <= LIST_NUMBER_MAX;
    }
    return ok;
}

/* json-glib's "<data>:LINE:COLUMN: ..." without its name for the text. */
static const char *
without_name(const char *message)
{
    const char *name = "<data>:";

    return g_str_has_prefix(message, name) ? message + strlen(name) : message;
}

static gboolean G_GNUC_PRINTF(2, 3)
bad(GError **err, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    g_set_error_literal(err, XF_ERROR, XF_ERROR_XML, text);
    return FALSE;
}

JsonNode *
xf_config_json_parse(const char *text, GError **err)
{
    g_autoptr(JsonParser) parser = json_parser_new();
    g_autoptr(GError) why = NULL;
    JsonNode *root;

    if (too_deep(text)) {
        bad(err, "JSON is nested too deeply");
        return NULL;
    }
    if (!json_parser_load_from_data(parser, text, -1, &why)) {
        bad(err, "is not JSON: %s", without_name(why->message));
        return NULL;
    }
    root = json_parser_get_root(parser);
    if (!root) {
        bad(err, "is not JSON: there is nothing in it");
        return NULL;
    }
    if (!numbers_sane(root, FALSE)) {
        bad(err, "has a list with a number above %d", LIST_NUMBER_MAX);
        return NULL;
    }
    return json_node_copy(root);
}

/* -- into libxl ------------------------------------------------------------ */

/* libxl logs why it refuses: kept for the error message. */
struct kept_log {
    xentoollog_logger vtable;
    GString *text;
};

static void G_GNUC_PRINTF(5, 0)
keep_message(xentoollog_logger *logger, xentoollog_level level, int errnoval,
             const char *context, const char *format, va_list ap)
{
    struct kept_log *log = (struct kept_log *)logger;

    if (level < XTL_ERROR || log->text->len)
        return;
    g_string_vprintf(log->text, format, ap);
}

static void
no_progress(xentoollog_logger *logger, const char *context, const char *what,
            int percent, unsigned long done, unsigned long total)
{
}

static void
no_destroy(xentoollog_logger *logger)
{
}

static gboolean
from_json(libxl_ctx *ctx, libxl_domain_config *config, JsonObject *object)
{
    g_autoptr(JsonNode) node = json_node_new(JSON_NODE_OBJECT);

    json_node_set_object(node, object);

    g_autofree char *text = xf_residual_text(node);

    return libxl_domain_config_from_json(ctx, config, text) == 0;
}

/* While libxl reads it keeps a list of all that it allocates, and goes over
 * the whole list at each allocation: a text twice as long takes four times as
 * long.  So devices, of which there can be many, are read by pieces. */
#define PIECE 32

#define LIST(name)                                                          \
    { #name, offsetof(libxl_domain_config, name),                           \
      offsetof(libxl_domain_config, num_##name),                            \
      sizeof(*((libxl_domain_config *)0)->name) }

static const struct list {
    const char *key;
    gsize array, count, size;
} lists[] = {
    LIST(disks), LIST(nics), LIST(pcidevs), LIST(p9s), LIST(channels),
    LIST(usbdevs),
};

/* NULL: it is none of those, or short. */
static const struct list *
long_list(const char *key, JsonNode *value)
{
    if (!JSON_NODE_HOLDS_ARRAY(value)
        || json_array_get_length(json_node_get_array(value)) <= PIECE)
        return NULL;
    for (gsize i = 0; i < G_N_ELEMENTS(lists); i++)
        if (strcmp(lists[i].key, key) == 0)
            return &lists[i];
    return NULL;
}

/* Moves the devices of `piece` behind those of `config`. */
static void
take_over(libxl_domain_config *config, libxl_domain_config *piece,
          const struct list *list)
{
    char **all = (char **)((char *)config + list->array);
    char **some = (char **)((char *)piece + list->array);
    int *count = (int *)((char *)config + list->count);
    int *more = (int *)((char *)piece + list->count);

    *all = realloc(*all, (*count + *more) * list->size);
    if (!*all)
        g_error("out of memory");
    memcpy(*all + *count * list->size, *some, *more * list->size);
    *count += *more;
    *more = 0;
}

static gboolean
load_list(libxl_ctx *ctx, libxl_domain_config *config,
          const struct list *list, JsonArray *elements)
{
    guint length = json_array_get_length(elements);
    gboolean ok = TRUE;

    for (guint start = 0; ok && start < length; start += PIECE) {
        g_autoptr(JsonObject) object = json_object_new();
        JsonArray *some = json_array_new();
        libxl_domain_config piece;

        for (guint i = start; i < MIN(start + PIECE, length); i++)
            json_array_add_element(
                some, json_node_copy(json_array_get_element(elements, i)));
        json_object_set_array_member(object, list->key, some);
        libxl_domain_config_init(&piece);
        ok = from_json(ctx, &piece, object);
        if (ok && *(int *)((char *)&piece + list->count) > 0)
            take_over(config, &piece, list);
        libxl_domain_config_dispose(&piece);
    }
    return ok;
}

/* All but the long lists, and then those. */
static gboolean
load_all(libxl_ctx *ctx, libxl_domain_config *config, JsonObject *whole)
{
    g_autoptr(JsonObject) rest = json_object_new();
    JsonObjectIter iter;
    const char *key;
    JsonNode *value;
    gboolean ok;

    json_object_iter_init(&iter, whole);
    while (json_object_iter_next(&iter, &key, &value))
        if (!long_list(key, value))
            json_object_set_member(rest, key, json_node_copy(value));
    ok = from_json(ctx, config, rest);
    json_object_iter_init(&iter, whole);
    while (ok && json_object_iter_next(&iter, &key, &value))
        if (long_list(key, value))
            ok = load_list(ctx, config, long_list(key, value),
                           json_node_get_array(value));
    return ok;
}

static gboolean
load(libxl_domain_config *config, JsonObject *whole, GString *log)
{
    struct kept_log logger = {
        .vtable = { keep_message, no_progress, no_destroy }, .text = log
    };
    libxl_ctx *ctx = NULL;
    gboolean ok;

    if (libxl_ctx_alloc(&ctx, LIBXL_VERSION, 0, &logger.vtable) != 0) {
        if (!log->len)
            g_string_append(log, "libxl has no context on this host");
        return FALSE;
    }
    ok = load_all(ctx, config, whole);
    libxl_ctx_free(ctx);
    if (!ok && !log->len)
        g_string_append(log, "no reason given");
    return ok;
}

gboolean
xf_config_json_load(libxl_domain_config *config, JsonNode *tree, GError **err)
{
    g_autoptr(GString) log = g_string_new(NULL);

    if (!JSON_NODE_HOLDS_OBJECT(tree))
        return bad(err, "libxl does not take it: it is not an object");
    libxl_domain_config_init(config);
    if (load(config, json_node_get_object(tree), log))
        return TRUE;
    libxl_domain_config_dispose(config);
    return bad(err, "libxl does not take it: %s", log->str);
}

/* -- what libxl has passed over -------------------------------------------- */

static gboolean
is_nothing(JsonNode *node)
{
    return JSON_NODE_HOLDS_NULL(node)
           || (JSON_NODE_HOLDS_ARRAY(node)
               && json_array_get_length(json_node_get_array(node)) == 0)
           || (JSON_NODE_HOLDS_OBJECT(node)
               && json_object_get_size(json_node_get_object(node)) == 0);
}

/* Words of libxl, uuids and MAC addresses may be written in capitals. */
static gboolean
same_value(JsonNode *given, JsonNode *taken)
{
    if (JSON_NODE_HOLDS_VALUE(given) && JSON_NODE_HOLDS_VALUE(taken)
        && json_node_get_value_type(given) == G_TYPE_STRING
        && json_node_get_value_type(taken) == G_TYPE_STRING)
        return g_ascii_strcasecmp(json_node_get_string(given),
                                  json_node_get_string(taken)) == 0;
    return json_node_equal(given, taken);
}

static gboolean all_taken(JsonNode *given, JsonNode *taken, const char *at,
                          GError **err);

static gboolean
all_members_taken(JsonObject *given, JsonObject *taken, const char *at,
                  GError **err)
{
    JsonObjectIter iter;
    const char *key;
    JsonNode *value;

    json_object_iter_init(&iter, given);
    while (json_object_iter_next(&iter, &key, &value)) {
        g_autofree char *below = g_strconcat(at, "/", key, NULL);

        if (!all_taken(value, json_object_get_member(taken, key), below, err))
            return FALSE;
    }
    return TRUE;
}

static gboolean
all_elements_taken(JsonArray *given, JsonArray *taken, const char *at,
                   GError **err)
{
    guint length = json_array_get_length(given);

    if (json_array_get_length(taken) != length)
        return bad(err, "%s: libxl takes %u of its %u elements", at,
                   json_array_get_length(taken), length);
    for (guint i = 0; i < length; i++) {
        g_autofree char *below = g_strdup_printf("%s/%u", at, i);

        if (!all_taken(json_array_get_element(given, i),
                       json_array_get_element(taken, i), below, err))
            return FALSE;
    }
    return TRUE;
}

static gboolean
all_taken(JsonNode *given, JsonNode *taken, const char *at, GError **err)
{
    if (is_nothing(given))
        return TRUE;
    if (!taken)
        return bad(err, "%s: this host's libxl does not keep it: it does not "
                   "know it, or wants a value of another type, or that is "
                   "what it takes anyway; leave it out or correct it", at);
    if (JSON_NODE_HOLDS_OBJECT(given) && JSON_NODE_HOLDS_OBJECT(taken))
        return all_members_taken(json_node_get_object(given),
                                 json_node_get_object(taken), at, err);
    if (JSON_NODE_HOLDS_ARRAY(given) && JSON_NODE_HOLDS_ARRAY(taken))
        return all_elements_taken(json_node_get_array(given),
                                  json_node_get_array(taken), at, err);
    return same_value(given, taken)
           || bad(err, "%s: libxl takes it for another value", at);
}

/* The configuration in what "xl list -l" prints; else the tree itself. */
static JsonNode *
unwrap(JsonNode *tree)
{
    JsonNode *node = tree, *config;

    if (JSON_NODE_HOLDS_ARRAY(node)
        && json_array_get_length(json_node_get_array(node)) == 1)
        node = json_array_get_element(json_node_get_array(node), 0);
    if (!JSON_NODE_HOLDS_OBJECT(node))
        return tree;
    config = json_object_get_member(json_node_get_object(node), "config");
    return config ? config : node;
}

gboolean
xf_config_json_read(const char *text, libxl_domain_config *config,
                    GError **err)
{
    g_autoptr(JsonNode) tree = xf_config_json_parse(text, err);
    g_autoptr(JsonNode) taken = NULL;
    JsonNode *given;

    if (!tree)
        return FALSE;
    given = unwrap(tree);
    if (!JSON_NODE_HOLDS_OBJECT(given))
        return bad(err, "is not the configuration of one domain, a JSON "
                   "object with \"c_info\" and \"b_info\"");
    if (!xf_config_json_load(config, given, err))
        return FALSE;
    taken = xf_residual_tree(config, err);
    if (taken && all_taken(given, taken, "", err))
        return TRUE;
    libxl_domain_config_dispose(config);
    return FALSE;
}

char *
xf_config_json_write(const libxl_domain_config *config, GError **err)
{
    /* takes no const, changes nothing, and needs no context for it */
    char *text =
        libxl_domain_config_to_json(NULL, (libxl_domain_config *)config);
    char *copy = g_strdup(text);

    if (!text)
        g_set_error(err, XF_ERROR, XF_ERROR_INTERNAL,
                    "libxl cannot write the domain's configuration as JSON");
    free(text);
    return copy;
}

gboolean
xf_config_json_path_is(const char *path, const char *pattern)
{
    for (; *pattern; pattern++)
        if (*pattern != '*') {
            if (*pattern != *path++)
                return FALSE;
        } else {
            path += strcspn(path, "/");
        }
    return *path == '\0';
}
