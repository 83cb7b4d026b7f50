/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The residual: see domxml-residual.h. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "xen/config-json.h"
#include "xen/domxml-private.h"
#include "xen/domxml-residual.h"

/* -- trees ----------------------------------------------------------------- */

JsonNode *
xf_residual_tree(const libxl_domain_config *config, GError **err)
{
    g_autofree char *text = xf_config_json_write(config, err);
    g_autoptr(GError) why = NULL;
    JsonNode *tree = NULL;

    if (!text)
        return NULL;
    if (!g_utf8_validate(text, -1, NULL))
        g_set_error(err, XF_ERROR, XF_ERROR_CONFIG_UNSUPPORTED,
                    "the domain's configuration has text that is not UTF-8");
    else if (!(tree = xf_config_json_parse(text, &why)))
        g_set_error(err, XF_ERROR, XF_ERROR_INTERNAL,
                    "libxl's JSON of the domain's configuration %s",
                    why->message);
    return tree;
}

/* json-glib lets through a character that JSON wants escaped (0x1f), and JSON
 * lets through two that XML cannot hold. */
char *
xf_residual_text(JsonNode *tree)
{
    g_autofree char *text = json_to_string(tree, FALSE);
    GString *out = g_string_sized_new(strlen(text));

    for (const char *at = text; *at; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);

        if (c < 0x20 || c == 0xfffe || c == 0xffff)
            g_string_append_printf(out, "\\u%04x", c);
        else
            g_string_append_len(out, at, g_utf8_next_char(at) - at);
    }
    return g_string_free(out, FALSE);
}

/* What tells the elements of one list from each other. */
static const char *const identities[] = { "vdev", "mac" };

static const char *
identity_key(JsonObject *object)
{
    for (gsize i = 0; i < G_N_ELEMENTS(identities); i++)
        if (json_object_has_member(object, identities[i]))
            return identities[i];
    return NULL;
}

static const char *
string_member(JsonObject *object, const char *key)
{
    JsonNode *node = key ? json_object_get_member(object, key) : NULL;

    return node && JSON_NODE_HOLDS_VALUE(node)
           && json_node_get_value_type(node) == G_TYPE_STRING
           ? json_node_get_string(node) : NULL;
}

/* "vdev=xvda", or NULL when the element has nothing that tells it apart. */
static char *
identity_segment(JsonNode *element)
{
    JsonObject *object = JSON_NODE_HOLDS_OBJECT(element)
        ? json_node_get_object(element) : NULL;
    const char *key = object ? identity_key(object) : NULL;
    const char *value = key ? string_member(object, key) : NULL;

    return value ? g_strdup_printf("%s=%s", key, value) : NULL;
}

/* Each element's name in paths: the index where its identity is not its
 * alone; free with g_strfreev(). */
static char **
element_segments(JsonArray *array)
{
    guint length = json_array_get_length(array);
    char **segments = g_new0(char *, length + 1);
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    g_autofree gboolean *shared = g_new0(gboolean, length);

    for (guint i = 0; i < length; i++) {
        gpointer other;

        segments[i] = identity_segment(json_array_get_element(array, i));
        if (!segments[i]) {
            segments[i] = g_strdup_printf("%u", i);
        } else if (g_hash_table_lookup_extended(seen, segments[i], NULL,
                                                &other)) {
            shared[i] = shared[GPOINTER_TO_UINT(other)] = TRUE;
        } else {
            g_hash_table_insert(seen, segments[i], GUINT_TO_POINTER(i));
        }
    }
    for (guint i = 0; i < length; i++)
        if (shared[i]) {
            g_free(segments[i]);
            segments[i] = g_strdup_printf("%u", i);
        }
    return segments;
}

/* '/' and '~' in a segment, as in JSON pointers. */
static char *
escape_segment(const char *segment)
{
    GString *out = g_string_new(NULL);

    for (; *segment; segment++)
        if (*segment == '~')
            g_string_append(out, "~0");
        else if (*segment == '/')
            g_string_append(out, "~1");
        else
            g_string_append_c(out, *segment);
    return g_string_free(out, FALSE);
}

static void
unescape_segment(char *segment)
{
    char *out = segment;

    for (; *segment; segment++)
        if (*segment == '~' && (segment[1] == '0' || segment[1] == '1'))
            *out++ = *++segment == '0' ? '~' : '/';
        else
            *out++ = *segment;
    *out = '\0';
}

/* -- making ---------------------------------------------------------------- */

static void
add_edit(JsonArray *edits, const char *at, JsonNode *was, JsonNode *is)
{
    JsonObject *edit = json_object_new();

    json_object_set_string_member(edit, "at", at);
    if (was)
        json_object_set_member(edit, "was", json_node_copy(was));
    if (is)
        json_object_set_member(edit, "is", json_node_copy(is));
    json_array_add_object_element(edits, edit);
}

static char *
join(const char *at, const char *segment)
{
    g_autofree char *escaped = escape_segment(segment);

    return g_strconcat(at, "/", escaped, NULL);
}

static gboolean
all_objects(JsonArray *array)
{
    for (guint i = 0; i < json_array_get_length(array); i++)
        if (!JSON_NODE_HOLDS_OBJECT(json_array_get_element(array, i)))
            return FALSE;
    return TRUE;
}

static void diff(JsonArray *edits, const char *at, JsonNode *was,
                 JsonNode *is);

static void
diff_objects(JsonArray *edits, const char *at, JsonObject *was,
             JsonObject *is)
{
    g_autoptr(GList) before = json_object_get_members(was);
    g_autoptr(GList) after = json_object_get_members(is);

    for (GList *l = before; l; l = l->next) {
        g_autofree char *below = join(at, l->data);

        diff(edits, below, json_object_get_member(was, l->data),
             json_object_get_member(is, l->data));
    }
    for (GList *l = after; l; l = l->next) {
        g_autofree char *below = join(at, l->data);

        if (!json_object_has_member(was, l->data))
            diff(edits, below, NULL, json_object_get_member(is, l->data));
    }
}

/* Two lists of objects that name the same things in the same order are
 * edited element by element; FALSE: they are not such lists. */
static gboolean
diff_elements(JsonArray *edits, const char *at, JsonArray *was,
              JsonArray *is)
{
    g_auto(GStrv) before = NULL;
    g_auto(GStrv) after = NULL;

    if (json_array_get_length(was) != json_array_get_length(is)
        || !all_objects(was) || !all_objects(is))
        return FALSE;
    before = element_segments(was);
    after = element_segments(is);
    if (!g_strv_equal((const char *const *)before,
                      (const char *const *)after))
        return FALSE;
    for (guint i = 0; before[i]; i++) {
        g_autofree char *below = join(at, before[i]);

        diff(edits, below, json_array_get_element(was, i),
             json_array_get_element(is, i));
    }
    return TRUE;
}

static void
diff(JsonArray *edits, const char *at, JsonNode *was, JsonNode *is)
{
    if (!was || !is)
        add_edit(edits, at, was, is);
    else if (JSON_NODE_HOLDS_OBJECT(was) && JSON_NODE_HOLDS_OBJECT(is))
        diff_objects(edits, at, json_node_get_object(was),
                     json_node_get_object(is));
    else if (!(JSON_NODE_HOLDS_ARRAY(was) && JSON_NODE_HOLDS_ARRAY(is)
               && diff_elements(edits, at, json_node_get_array(was),
                                json_node_get_array(is)))
             && !json_node_equal(was, is))
        add_edit(edits, at, was, is);
}

/* -- applying -------------------------------------------------------------- */

/* The place of an edit: a member of an object, or a whole list element. */
struct place {
    JsonObject *object;
    JsonArray *array;
    guint index;
    const char *key;            /* in the object */
};

/* The lists met so far: JsonArray * -> its segments -> index.  Edits change
 * what elements hold, not which they are. */
static GHashTable *
indexes_new(void)
{
    return g_hash_table_new_full(NULL, NULL, NULL,
                                 (GDestroyNotify)g_hash_table_unref);
}

static GHashTable *
index_of(GHashTable *indexes, JsonArray *array)
{
    GHashTable *index = g_hash_table_lookup(indexes, array);
    g_autofree char **segments = NULL;

    if (index)
        return index;
    index = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    segments = element_segments(array);
    for (guint i = 0; segments[i]; i++)
        g_hash_table_insert(index, segments[i], GUINT_TO_POINTER(i));
    g_hash_table_insert(indexes, array, index);
    return index;
}

static gboolean
find_element(GHashTable *indexes, JsonArray *array, const char *segment,
             guint *index)
{
    gpointer found;

    if (!g_hash_table_lookup_extended(index_of(indexes, array), segment,
                                      NULL, &found))
        return FALSE;
    *index = GPOINTER_TO_UINT(found);
    return *index < json_array_get_length(array);
}

/* Follows the segments but the last; FALSE when the way ends early. */
static gboolean
find_place(JsonNode *root, GHashTable *indexes, char **segments,
           struct place *place)
{
    JsonNode *node = root;

    for (; *segments; segments++) {
        unescape_segment(*segments);
        *place = (struct place){ 0 };
        if (node && JSON_NODE_HOLDS_OBJECT(node)) {
            place->object = json_node_get_object(node);
            place->key = *segments;
            node = json_object_get_member(place->object, *segments);
        } else if (node && JSON_NODE_HOLDS_ARRAY(node)) {
            place->array = json_node_get_array(node);
            if (!find_element(indexes, place->array, *segments,
                              &place->index))
                return FALSE;
            node = json_array_get_element(place->array, place->index);
        } else {
            return FALSE;
        }
    }
    return place->object || place->array;
}

static JsonNode *
get_at(const struct place *place)
{
    return place->object
           ? json_object_get_member(place->object, place->key)
           : json_array_get_element(place->array, place->index);
}

static gboolean
put_at(const struct place *place, JsonNode *is)
{
    if (place->object && is)
        json_object_set_member(place->object, place->key,
                               json_node_copy(is));
    else if (place->object)
        json_object_remove_member(place->object, place->key);
    else
        return FALSE;           /* make() edits members only */
    return TRUE;
}

static gboolean
apply_edit(JsonNode *tree, GHashTable *indexes, JsonObject *edit,
           gboolean *applied)
{
    const char *at = string_member(edit, "at");
    struct place place = { 0 };

    if (!at || *at != '/')
        return FALSE;

    JsonNode *was = json_object_get_member(edit, "was");
    g_auto(GStrv) segments = g_strsplit(at + 1, "/", -1);
    JsonNode *now = NULL;

    if (find_place(tree, indexes, segments, &place))
        now = get_at(&place);
    else
        place = (struct place){ 0 };
    if ((!place.object && !place.array) || !!was != !!now
        || (was && !json_node_equal(was, now))) {
        g_info("residual: the domain XML was changed at %s and counts", at);
        return TRUE;
    }
    *applied = TRUE;
    return put_at(&place, json_object_get_member(edit, "is"));
}

/* FALSE at the first edit that is none; *applied: at least one was. */
static gboolean
apply_edits(JsonNode *tree, JsonArray *edits, gboolean *applied)
{
    g_autoptr(GHashTable) indexes = indexes_new();

    *applied = FALSE;
    for (guint i = 0; i < json_array_get_length(edits); i++) {
        JsonNode *edit = json_array_get_element(edits, i);

        if (!JSON_NODE_HOLDS_OBJECT(edit)
            || !apply_edit(tree, indexes, json_node_get_object(edit),
                           applied))
            return FALSE;
    }
    return TRUE;
}

char *
xf_residual_make(JsonNode *base, JsonNode *target)
{
    g_autoptr(JsonNode) node = json_node_new(JSON_NODE_ARRAY);
    JsonArray *edits = json_array_new();
    gboolean applied;

    json_node_take_array(node, edits);
    diff(edits, "", base, target);
    if (json_array_get_length(edits) == 0)
        return NULL;
    apply_edits(base, edits, &applied);
    return xf_residual_text(node);
}

/* "vif-bridge" -> "/etc/xen/scripts/vif-bridge" */
static gboolean
got_its_folder(JsonObject *edit)
{
    const char *was = string_member(edit, "was");
    const char *is = string_member(edit, "is");
    gsize at = was && is && strlen(is) > strlen(was)
        ? strlen(is) - strlen(was) : 0;

    return at > 0 && g_str_has_suffix(json_object_get_string_member(
                                          edit, "at"), "/script")
           && is[at - 1] == '/' && strcmp(is + at, was) == 0;
}

gboolean
xf_residual_only_adds(JsonNode *base, JsonNode *target)
{
    g_autoptr(JsonArray) edits = json_array_new();

    diff(edits, "", base, target);
    for (guint i = 0; i < json_array_get_length(edits); i++) {
        JsonObject *edit = json_array_get_object_element(edits, i);

        if (json_object_has_member(edit, "was") && !got_its_folder(edit))
            return FALSE;
    }
    return TRUE;
}

/* -- into libxl ------------------------------------------------------------ */

/* The first place where two trees differ, or NULL. */
static char *
first_difference(JsonNode *a, JsonNode *b)
{
    g_autoptr(JsonArray) edits = json_array_new();

    diff(edits, "", a, b);
    return json_array_get_length(edits) == 0 ? NULL
           : g_strdup(json_object_get_string_member(
                 json_array_get_object_element(edits, 0), "at"));
}

/* libxl passes over keys that it does not know: what it took in must be what
 * was meant. */
static gboolean
load_config(libxl_domain_config *config, JsonNode *tree, const xmlNode *node,
            GError **err)
{
    g_autoptr(JsonNode) taken = NULL;
    g_autoptr(GError) why = NULL;
    g_autofree char *where = NULL;
    libxl_domain_config loaded;

    if (!xf_config_json_load(&loaded, tree, &why))
        return xf_xml_bad(err, node, "%s", why->message);
    if ((taken = xf_residual_tree(&loaded, err))
        && (where = first_difference(taken, tree)))
        xf_xml_cannot(err, node, "this host's libxl does not understand %s",
                      where);
    if (!taken || where) {
        libxl_domain_config_dispose(&loaded);
        return FALSE;
    }
    libxl_domain_config_dispose(config);
    *config = loaded;
    return TRUE;
}

static JsonNode *
parse_edits(const char *text, const xmlNode *node, GError **err)
{
    g_autoptr(GError) why = NULL;
    g_autoptr(JsonNode) edits = xf_config_json_parse(text, &why);

    if (!edits)
        xf_xml_bad(err, node, "%s", why->message);
    else if (!JSON_NODE_HOLDS_ARRAY(edits))
        xf_xml_bad(err, node, "is not a JSON list of edits");
    else
        return g_steal_pointer(&edits);
    return NULL;
}

gboolean
xf_residual_apply(libxl_domain_config *config, const char *text,
                  const xmlNode *node, GError **err)
{
    g_autoptr(JsonNode) edits = parse_edits(text, node, err);
    g_autoptr(JsonNode) tree = NULL;
    gboolean applied;

    if (!edits)
        return FALSE;
    tree = xf_residual_tree(config, err);
    if (!tree)
        return FALSE;
    if (!apply_edits(tree, json_node_get_array(edits), &applied))
        return xf_xml_bad(err, node, "is not a list of edits");
    return !applied || load_config(config, tree, node, err);
}
