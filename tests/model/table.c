/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Prints the transition table of protocol/handoff.c as Promela: the names,
 * and for each side and event four macros over the state,
 *
 *   LEGAL_source_perform(st)   does the event mean anything there?
 *   NEXT_source_perform(st)    the next state; st itself if it does not
 *   ACT_source_perform(st)     the action
 *   SAME_source_perform(st)    would a restart from st lead to the same?
 *
 * It asks xf_handoff_next() for every pair, so the model cannot know another
 * table than the code.
 *
 * Arguments break the table on purpose, one row each:
 *   SIDE:STATE:EVENT=STATE:ACTION    puts a row in, or another in its place
 *   SIDE:STATE:EVENT=                takes it out
 */
#include "config.h"

#include "protocol/handoff.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cell {
    gboolean legal;
    enum xf_state next;
    enum xf_action action;
};

static struct cell table[XF_SIDE_LAST][XF_STATE_LAST][XF_EVENT_LAST];

static void
read_table(void)
{
    for (int side = 0; side < XF_SIDE_LAST; side++)
        for (int state = 0; state < XF_STATE_LAST; state++)
            for (int event = 0; event < XF_EVENT_LAST; event++) {
                struct cell *cell = &table[side][state][event];

                cell->legal = xf_handoff_next(side, state, event, &cell->next,
                                              &cell->action);
            }
}

/* -- breaking it -- */

static const char *
side_name(int side)
{
    return xf_side_name(side);
}

static const char *
state_name(int state)
{
    return xf_state_name(state);
}

static const char *
event_name(int event)
{
    return xf_event_name(event);
}

static const char *
action_name(int action)
{
    return xf_action_name(action);
}

static int
number_of(const char *name, const char *(*name_of)(int), int last)
{
    for (int i = 0; i < last; i++)
        if (strcmp(name_of(i), name) == 0)
            return i;
    fprintf(stderr, "table: nothing is called '%s'\n", name);
    exit(2);
}

static void
break_row(const char *text)
{
    g_auto(GStrv) parts = g_strsplit(text, "=", 2);
    g_auto(GStrv) from = g_strsplit(parts[0], ":", 3);
    g_auto(GStrv) to = g_strsplit(parts[1] ? parts[1] : "", ":", 2);

    if (g_strv_length(parts) != 2 || g_strv_length(from) != 3
        || (*parts[1] && g_strv_length(to) != 2)) {
        fprintf(stderr, "table: '%s' is not SIDE:STATE:EVENT=[STATE:ACTION]\n",
                text);
        exit(2);
    }

    struct cell *cell =
        &table[number_of(from[0], side_name, XF_SIDE_LAST)]
              [number_of(from[1], state_name, XF_STATE_LAST)]
              [number_of(from[2], event_name, XF_EVENT_LAST)];
    struct cell old = *cell;

    cell->legal = *parts[1] != '\0';
    if (cell->legal) {
        cell->next = number_of(to[0], state_name, XF_STATE_LAST);
        cell->action = number_of(to[1], action_name, XF_ACTION_LAST);
    }
    if (old.legal == cell->legal
        && (!old.legal
            || (old.next == cell->next && old.action == cell->action))) {
        fprintf(stderr, "table: '%s' changes nothing\n", text);
        exit(2);
    }
}

/* -- printing -- */

/* Promela's names have no dashes. */
static const char *
word(const char *name)
{
    static char text[4][64];
    static int turn;
    char *out = text[turn = (turn + 1) % 4];

    g_strlcpy(out, name, sizeof(text[0]));
    return g_strdelimit(out, "-", '_');
}

static gboolean
restart_is_same(int side, int state, const struct cell *cell)
{
    const struct cell *again = &table[side][state][XF_EVENT_RESTARTED];

    return again->legal && again->next == cell->next
           && (again->action == cell->action
               || cell->action == XF_ACTION_NONE);
}

static void
print_event(int side, int event)
{
    g_autoptr(GString) legal = g_string_new("(false");
    g_autoptr(GString) next = g_string_new("st");
    g_autoptr(GString) act = g_string_new("do_none");
    g_autoptr(GString) same = g_string_new("(false");
    g_autofree char *name = g_strdup_printf("%s_%s", xf_side_name(side),
                                            word(xf_event_name(event)));

    for (int state = 0; state < XF_STATE_LAST; state++) {
        const struct cell *cell = &table[side][state][event];
        const char *here = word(xf_state_name(state));
        g_autofree char *old_next = g_strdup(next->str);
        g_autofree char *old_act = g_strdup(act->str);

        if (!cell->legal)
            continue;
        g_string_append_printf(legal, " || st == %s", here);
        if (restart_is_same(side, state, cell))
            g_string_append_printf(same, " || st == %s", here);
        g_string_printf(next, "(st == %s -> %s : %s)", here,
                        word(xf_state_name(cell->next)), old_next);
        g_string_printf(act, "(st == %s -> do_%s : %s)", here,
                        word(xf_action_name(cell->action)), old_act);
    }
    printf("#define LEGAL_%s(st) %s)\n", name, legal->str);
    printf("#define NEXT_%s(st) %s\n", name, next->str);
    printf("#define ACT_%s(st) %s\n", name, act->str);
    printf("#define SAME_%s(st) %s)\n", name, same->str);
}

int
main(int argc, char **argv)
{
    read_table();
    for (int i = 1; i < argc; i++)
        break_row(argv[i]);
    printf("/* from protocol/handoff.c */\nmtype = {\n   ");
    for (int i = 0; i < XF_STATE_LAST; i++)
        printf(" %s,", word(xf_state_name(i)));
    printf("\n   ");
    for (int i = 0; i < XF_ACTION_LAST; i++)
        printf(" do_%s%s", word(xf_action_name(i)),
               i + 1 < XF_ACTION_LAST ? "," : "\n};\n");
    for (int side = 0; side < XF_SIDE_LAST; side++)
        for (int event = 0; event < XF_EVENT_LAST; event++)
            print_event(side, event);
    return ferror(stdout) || fflush(stdout) != 0;
}
