/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every fault point x every fault it knows x every protocol, on two simulated
 * hosts with real daemons and a real xenstored each (fault-run.h).
 *
 *   fault-driver [--random N] [--runs N] [--seed N] [--jobs N] [--pace N]
 *                [--only PROTOCOL]
 *   fault-driver --seconds N [...]     two faults at random, for so long
 *   fault-driver --point SIDE:NAME[#NTH] --fault KIND [both once more]
 *                --protocol NAME --seed N      one run again
 *
 * What can be reached is found out by running: first migrations without a
 * fault, in each protocol; then one fault at each point that was passed
 * there; then, at each point that was passed only because of such a fault, a
 * second one after it; then --random runs with two faults at random places.
 * --runs N ends all that after N runs.
 *
 * Output: TAP with a line for each point and one for the plan as a whole,
 * which says what --runs has left out of it; and a table.  Exit status: 0
 * when nothing was violated and, unless it was cut short, every point that a
 * migration can pass was passed; 1; 2 for wrong usage.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/host/fault-pool.h"
#include "tests/host/hosts.h"

/* Migrations without a fault, in each protocol: for what the seed varies. */
#define PLAIN_RUNS 12
#define NTH_MAX 2               /* a point that is passed more often */
#define OPENERS_MAX 1           /* ways to a point that needs a fault */
/* What goes wrong so often does so for one cause: the rest is not run. */
#define VIOLATIONS_MAX 40
#define MEMORY_DIR "/dev/shm"

/* Points that no migration passes: the simulator's own. */
static const char *const elsewhere[] = { "create", "shutdown", NULL };

struct options {
    guint runs;                 /* at most */
    guint random;               /* of them at the end, at random */
    guint seconds;
    guint jobs;
    guint seed;
    char **points, **faults;
    char *protocol;
    char *only;
};

/* What became of the plan. */
enum plan {
    PLAN_NONE,                  /* there is none: one run, or so many seconds */
    PLAN_WHOLE,
    PLAN_CUT,                   /* by --runs */
    PLAN_GIVEN_UP,              /* too much was violated */
};

/* What is known of a point, one protocol, one side. */
struct reach {
    guint plain;                /* passed so often without a fault, at most */
    guint32 seed;               /* ... with this one */
    guint n_openers;
    struct run openers[OPENERS_MAX];
};

struct tally {
    guint runs, moved, stayed, doubted, missed, again, restarts, violations;
};

struct driver {
    GPtrArray *points;
    GRand *rand;
    guint32 seed;
    guint way, ways_end;        /* those that are run */
    struct reach reach[WAYS_MAX][XF_SIDE_LAST][POINTS_MAX];
    struct tally tallies[WAYS_MAX];
    struct tally at[XF_SIDE_LAST][POINTS_MAX];  /* by the last fault */
    GArray *queue;              /* of struct run: those of this phase */
    guint next;
    guint cut;                  /* planned, and left out for --runs */
    gint64 until;               /* soak: monotonic us; 0: the queue */
    gint64 us;                  /* of all runs, added up */
    guint total;
};

/* -- names -- */

static const char *
point_name(struct driver *d, guint point)
{
    return ((struct point *)d->points->pdata[point])->name;
}

static char *
say_run(struct driver *d, const struct run *run)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (guint i = 0; i < run->n_faults; i++) {
        const struct fault *fault = &run->faults[i];

        g_string_append_printf(text, "--point %s:%s#%u --fault %s ",
                               xf_side_name(fault->side),
                               point_name(d, fault->point), fault->nth,
                               fault_kinds[fault->kind].name);
    }
    g_string_append_printf(text, "--protocol %s --seed %u",
                           ways[run->way].name, run->seed);
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static gboolean
point_takes(struct driver *d, guint point, guint kind)
{
    const struct point *p = d->points->pdata[point];

    return g_strv_contains((const char *const *)p->actions,
                           fault_kinds[kind].action);
}

/* -- results -- */

static void
add_opener(struct reach *reach, const struct run *run)
{
    if (reach->n_openers < OPENERS_MAX && run->n_faults == 1)
        reach->openers[reach->n_openers++] = *run;
}

static void
learn(struct driver *d, const struct run *run, const struct result *result)
{
    for (int side = 0; side < XF_SIDE_LAST; side++)
        for (guint i = 0; i < d->points->len; i++) {
            struct reach *reach = &d->reach[run->way][side][i];
            guint8 passed = result->passed[side][i];

            if (!run->n_faults && passed > reach->plain) {
                reach->plain = passed;
                reach->seed = run->seed;
            }
            if (run->n_faults && passed)
                add_opener(reach, run);
        }
}

static void
count(struct tally *tally, const struct run *run, const struct result *result)
{
    gboolean bad = *result->violation != 0;

    tally->runs++;
    tally->violations += bad;
    tally->moved += !bad && result->moved;
    tally->stayed += !bad && !result->moved;
    tally->doubted += !bad && result->doubted;
    tally->missed += !bad && result->struck + 1 != 1 << run->n_faults;
    tally->again += result->again;
    tally->restarts += result->restarts;
}

static void
done(void *user, const struct run *run, const struct result *result)
{
    struct driver *d = user;
    g_autofree char *what = say_run(d, run);

    count(&d->tallies[run->way], run, result);
    if (run->n_faults) {
        const struct fault *last = &run->faults[run->n_faults - 1];

        count(&d->at[last->side][last->point], run, result);
    }
    d->us += result->us;
    d->total++;
    learn(d, run, result);
    if (*result->violation)
        printf("# violation: %s\n#   again: fault-driver %s\n",
               result->violation, what);
    fflush(stdout);
}

/* -- the plan -- */

static void
queue_add(struct driver *d, const struct run *run)
{
    g_array_append_vals(d->queue, run, 1);
}

static void
plan_plain(struct driver *d)
{
    for (guint way = d->way; way < d->ways_end; way++)
        for (guint i = 0; i < PLAIN_RUNS; i++) {
            struct run run = { .way = way, .seed = d->seed + i };

            queue_add(d, &run);
        }
}

/* `run` with a fault of each kind at that point after what it has. */
static void
plan_kinds(struct driver *d, struct run run, int side, guint point,
           guint nth)
{
    guint last = run.n_faults++;

    for (guint kind = 0; kind < fault_kinds_count(); kind++) {
        if (!point_takes(d, point, kind))
            continue;
        run.faults[last] = (struct fault) {
            .point = point, .side = side, .kind = kind, .nth = nth,
        };
        queue_add(d, &run);
    }
}

static void
plan_one(struct driver *d, guint way, int side, guint point)
{
    const struct reach *reach = &d->reach[way][side][point];
    struct run run = { .way = way, .seed = reach->seed };

    guint most = ways[way].brief ? 1 : NTH_MAX;

    for (guint nth = 1; nth <= MIN(reach->plain, most); nth++)
        plan_kinds(d, run, side, point, nth);
}

static void
plan_second(struct driver *d, guint way, int side, guint point)
{
    const struct reach *reach = &d->reach[way][side][point];

    if (ways[way].brief)
        return;
    for (guint i = 0; !reach->plain && i < reach->n_openers; i++)
        plan_kinds(d, reach->openers[i], side, point, 1);
}

static void
plan_each(struct driver *d,
          void (*plan)(struct driver *d, guint way, int side, guint point))
{
    for (guint way = d->way; way < d->ways_end; way++)
        for (int side = 0; side < XF_SIDE_LAST; side++)
            for (guint point = 0; point < d->points->len; point++)
                plan(d, way, side, point);
}

static gboolean
is_reached(const struct reach *reach)
{
    return reach->plain || reach->n_openers;
}

static struct fault
random_fault(struct driver *d, guint way)
{
    struct fault fault;

    do {
        fault = (struct fault) {
            .point = g_rand_int_range(d->rand, 0, d->points->len),
            .side = g_rand_int_range(d->rand, 0, XF_SIDE_LAST),
            .kind = g_rand_int_range(d->rand, 0, fault_kinds_count()),
            .nth = 1 + (g_rand_int_range(d->rand, 0, 4) == 0),
        };
    } while (!is_reached(&d->reach[way][fault.side][fault.point])
             || !point_takes(d, fault.point, fault.kind));
    return fault;
}

static struct run
random_run(struct driver *d)
{
    struct run run = {
        .way = g_rand_int_range(d->rand, d->way, d->ways_end),
        .n_faults = 2,
        .seed = g_rand_int(d->rand),
    };

    run.faults[0] = random_fault(d, run.way);
    do {
        run.faults[1] = random_fault(d, run.way);
    } while (run.faults[0].point == run.faults[1].point
             && run.faults[0].side == run.faults[1].side);
    return run;
}

static int
by_offer(gconstpointer a, gconstpointer b)
{
    return g_strcmp0(ways[((const struct run *)a)->way].offers,
                     ways[((const struct run *)b)->way].offers);
}

/* Any order, so that worlds do not hang all at once, but for what the daemons
 * offer: they would be started again and again.  No more than n, of any
 * kind. */
static void
shuffle(struct driver *d, guint n)
{
    GArray *queue = d->queue;

    for (guint i = 0; i + 1 < queue->len; i++) {
        guint k = g_rand_int_range(d->rand, i, queue->len);
        struct run other = g_array_index(queue, struct run, k);

        g_array_index(queue, struct run, k) =
            g_array_index(queue, struct run, i);
        g_array_index(queue, struct run, i) = other;
    }
    if (queue->len > n) {
        d->cut += queue->len - n;
        g_array_set_size(queue, n);
    }
    g_array_sort(queue, by_offer);
}

/* -- running -- */

static guint
violations(struct driver *d)
{
    guint n = 0;

    for (guint way = 0; way < ways_count(); way++)
        n += d->tallies[way].violations;
    return n;
}

static gboolean
next(void *user, struct run *run)
{
    struct driver *d = user;

    if (violations(d) >= VIOLATIONS_MAX)
        return FALSE;
    if (d->until) {
        if (g_get_monotonic_time() >= d->until)
            return FALSE;
        *run = random_run(d);
        return TRUE;
    }
    if (d->next >= d->queue->len)
        return FALSE;
    *run = g_array_index(d->queue, struct run, d->next++);
    return TRUE;
}

static void
run_queue(struct driver *d, struct pool *pool)
{
    d->next = 0;
    pool_run(pool, next, done, d);
    g_array_set_size(d->queue, 0);
}

static void
run_phase(struct driver *d, struct pool *pool, const struct options *options,
          const char *what)
{
    guint left = options->runs > d->total ? options->runs - d->total : 0;
    guint planned = d->queue->len;

    shuffle(d, left);
    printf("# %u of %u runs with %s\n", d->queue->len, planned, what);
    fflush(stdout);
    run_queue(d, pool);
}

static void
run_plan(struct driver *d, struct pool *pool, const struct options *options)
{
    plan_each(d, plan_one);
    run_phase(d, pool, options, "one fault");
    plan_each(d, plan_second);
    run_phase(d, pool, options, "a second fault");
    for (guint i = 0; i < options->random; i++) {
        struct run run = random_run(d);

        queue_add(d, &run);
    }
    run_phase(d, pool, options, "two faults at random");
}

/* -- the report -- */

static void
print_row(const char *name, const struct tally *t)
{
    printf("# %-12s %6u %6u %6u %9u %10u %9u %9u %6u\n", name, t->runs,
           t->moved, t->stayed, t->doubted, t->violations, t->missed,
           t->restarts, t->again);
}

static guint
print_table(struct driver *d, gint64 began)
{
    struct tally all = { 0 };
    double took = (g_get_monotonic_time() - began) / 1e6;

    printf("#\n# %-12s %6s %6s %6s %9s %10s %9s %9s %6s\n", "protocol",
           "runs", "moved", "stayed", "in doubt*", "violations", "no fault",
           "restarts", "again");
    for (guint way = 0; way < ways_count(); way++) {
        const struct tally *t = &d->tallies[way];

        print_row(ways[way].name, t);
        all.runs += t->runs;
        all.moved += t->moved;
        all.stayed += t->stayed;
        all.doubted += t->doubted;
        all.violations += t->violations;
        all.missed += t->missed;
        all.restarts += t->restarts;
        all.again += t->again;
    }
    print_row("all", &all);
    printf("# * then settled; they are among moved and stayed\n");
    printf("# no fault: a run did not come to the place of all its faults; "
           "again: a next\n#   migration that missed a deadline\n");
    printf("# seed %u; %.0f s, %.0f ms a run\n", d->seed, took,
           all.runs ? d->us / 1e3 / all.runs : 0);
    return all.violations;
}

static gboolean
reached_by_any(struct driver *d, int side, guint point)
{
    for (guint way = 0; way < ways_count(); way++)
        if (is_reached(&d->reach[way][side][point]))
            return TRUE;
    return FALSE;
}

/* Was all that was planned run?  What was not is not forgotten. */
static void
print_plan(struct driver *d, enum plan plan, guint n)
{
    if (plan == PLAN_WHOLE)
        printf("ok %u - faults: the whole plan, %u runs\n", n, d->total);
    else if (plan == PLAN_CUT)
        printf("ok %u - faults: a part of the plan; --runs has left out %u "
               "runs\n", n, d->cut);
    else
        printf("not ok %u - faults: the whole plan: too many violations\n",
               n);
}

/* TAP: a test for each point on each side that passes it, one for each that
 * is never passed, one for the plan.  Returns how many points are not
 * passed. */
static guint
print_points(struct driver *d, enum plan plan)
{
    gboolean all = plan == PLAN_WHOLE
                   && d->ways_end - d->way == ways_count();
    guint n = 0, lost = 0;

    for (guint i = 0; i < d->points->len; i++) {
        gboolean reached = FALSE;

        for (int side = 0; side < XF_SIDE_LAST; side++) {
            const struct tally *t = &d->at[side][i];

            reached = reached || reached_by_any(d, side, i);
            if (t->runs)
                printf("%sok %u - faults: %s:%s: %u runs\n",
                       t->violations ? "not " : "", ++n, xf_side_name(side),
                       point_name(d, i), t->runs);
        }
        if (reached || !all
            || g_strv_contains(elsewhere, point_name(d, i)))
            continue;
        lost++;
        printf("not ok %u - faults: %s: no run has come there\n", ++n,
               point_name(d, i));
    }
    if (plan != PLAN_NONE)
        print_plan(d, plan, ++n);
    printf("1..%u\n", n);
    return lost;
}

/* -- one run again -- */

static gboolean
parse_fault(struct driver *d, const char *where, const char *kind,
            struct fault *fault)
{
    g_auto(GStrv) words = g_strsplit_set(where, ":#", 3);
    int point = g_strv_length(words) > 1 ? point_find(d->points, words[1])
                                         : -1;

    *fault = (struct fault) { .nth = 1, .side = XF_SIDE_LAST };
    for (int side = 0; side < XF_SIDE_LAST; side++)
        if (!g_strcmp0(words[0], xf_side_name(side)))
            fault->side = side;
    if (point < 0 || fault->side == XF_SIDE_LAST) {
        fprintf(stderr, "'%s': not SIDE:NAME or SIDE:NAME#NTH of a point "
                "(source, destination; --list-faults)\n", where);
        return FALSE;
    }
    fault->point = point;
    if (words[2])
        fault->nth = MAX(atoi(words[2]), 1);
    while (fault->kind < fault_kinds_count()
           && strcmp(fault_kinds[fault->kind].name, kind))
        fault->kind++;
    if (fault->kind < fault_kinds_count()
        && point_takes(d, point, fault->kind))
        return TRUE;
    fprintf(stderr, "'%s': no fault of point %s\n", kind, words[1]);
    return FALSE;
}

/* NULL: the first. */
static gboolean
find_way(const char *name, guint *way)
{
    *way = 0;
    while (name && *way < ways_count() && strcmp(ways[*way].name, name))
        ++*way;
    if (*way == ways_count())
        fprintf(stderr, "'%s': no such protocol\n", name);
    return *way < ways_count();
}

static gboolean
parse_run(struct driver *d, const struct options *options, struct run *run)
{
    guint way;

    if (!find_way(options->protocol, &way))
        return FALSE;
    *run = (struct run) { .seed = options->seed, .way = way };
    for (char **p = options->points, **f = options->faults; p && *p; p++) {
        if (run->n_faults == FAULTS_MAX || !f || !*f) {
            fprintf(stderr, "each --point needs its --fault; at most %d\n",
                    FAULTS_MAX);
            return FALSE;
        }
        if (!parse_fault(d, *p, *f++, &run->faults[run->n_faults++]))
            return FALSE;
    }
    return TRUE;
}

/* -- the program -- */

static gboolean
parse_options(int argc, char **argv, struct options *options)
{
    int runs = G_MAXINT, random = 300, seconds = 0, jobs = 12, pace = 1;
    gint64 seed = -1;
    const GOptionEntry entries[] = {
        { "runs", 0, 0, G_OPTION_ARG_INT, &runs,
          "no more of them (all that are planned)", "N" },
        { "random", 0, 0, G_OPTION_ARG_INT, &random,
          "two faults at random, so often (300)", "N" },
        { "seconds", 0, 0, G_OPTION_ARG_INT, &seconds,
          "at random, for so long", "N" },
        { "jobs", 0, 0, G_OPTION_ARG_INT, &jobs, "at a time (12)", "N" },
        { "pace", 0, 0, G_OPTION_ARG_INT, &pace,
          "deadlines so many times as long (1)", "N" },
        { "seed", 0, 0, G_OPTION_ARG_INT64, &seed, "of what is chance",
          "N" },
        { "point", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->points,
          "one run: where", "SIDE:NAME[#NTH]" },
        { "fault", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->faults,
          "one run: what", "KIND" },
        { "protocol", 0, 0, G_OPTION_ARG_STRING, &options->protocol,
          "one run: how", "NAME" },
        { "only", 0, 0, G_OPTION_ARG_STRING, &options->only,
          "all runs in that protocol", "NAME" },
        G_OPTION_ENTRY_NULL
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_autoptr(GError) err = NULL;

    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &err) || argc > 1
        || runs < 0 || random < 0 || seconds < 0 || jobs < 1 || pace < 1) {
        fprintf(stderr, "fault-driver: %s\n",
                err ? err->message : "wrong usage; --help tells");
        return FALSE;
    }
    options->runs = runs;
    options->random = random;
    options->seconds = seconds;
    options->jobs = jobs;
    options->seed = seed >= 0 ? seed : g_random_int();
    fault_pace = pace;
    return TRUE;
}

/* All runs there are. */
static enum plan
drive_all(struct driver *d, struct pool *pool, const struct options *options,
          gint64 began)
{
    plan_plain(d);
    run_queue(d, pool);
    if (violations(d)) {
        printf("# violated without a fault: no run has one\n");
        return PLAN_GIVEN_UP;
    }
    if (options->seconds) {
        d->until = began + (gint64)options->seconds * G_USEC_PER_SEC;
        run_queue(d, pool);
    } else {
        run_plan(d, pool, options);
    }
    if (violations(d) >= VIOLATIONS_MAX) {
        printf("# %u violations: the rest was not run\n", violations(d));
        return PLAN_GIVEN_UP;
    }
    if (d->cut)
        printf("# CUT SHORT by --runs %u: %u runs that were planned were not "
               "made\n", options->runs, d->cut);
    return options->seconds ? PLAN_NONE : d->cut ? PLAN_CUT : PLAN_WHOLE;
}

static int
drive(struct driver *d, struct pool *pool, const struct options *options)
{
    gint64 began = g_get_monotonic_time();
    enum plan plan = PLAN_NONE;
    struct run run;

    printf("# seed %u\n", d->seed);
    if (!find_way(options->only, &d->way))
        return 2;
    d->ways_end = options->only ? d->way + 1 : ways_count();
    if (options->points || options->protocol) {
        if (!parse_run(d, options, &run))
            return 2;
        queue_add(d, &run);
        run_queue(d, pool);
    } else {
        plan = drive_all(d, pool, options, began);
    }

    guint lost = print_points(d, plan);

    return print_table(d, began) || lost ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* Hosts that are on no disk wait for none, nor do they wear it out: nobody
 * takes the power away from this machine. */
static void
keep_in_memory(void)
{
    if (!g_getenv("TMPDIR") && access(MEMORY_DIR, W_OK | X_OK) == 0)
        g_setenv("TMPDIR", MEMORY_DIR, TRUE);
}

int
main(int argc, char **argv)
{
    struct options options = { 0 };
    g_autofree char *missing = hosts_missing();

    keep_in_memory();
    if (!parse_options(argc, argv, &options))
        return 2;
    if (missing) {
        fputs(missing, stdout);
        return EXIT_SUCCESS;
    }

    g_autofree struct driver *d = g_new0(struct driver, 1);

    d->points = points_load();
    if (!d->points)
        return EXIT_FAILURE;
    d->seed = options.seed;
    d->rand = g_rand_new_with_seed(d->seed);
    d->queue = g_array_new(FALSE, FALSE, sizeof(struct run));

    struct pool *pool = pool_new(d->points, options.jobs);
    int status = drive(d, pool, &options);

    if (!pool_free(pool))
        status = EXIT_FAILURE;
    g_array_unref(d->queue);
    g_rand_free(d->rand);
    g_ptr_array_unref(d->points);
    return status;
}
