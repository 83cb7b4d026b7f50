/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An unmodified virsh and our daemons: each command as its user sees it.
 */
#include "config.h"

#include "tests/host/hosts.h"

#include <stdio.h>
#include <string.h>

/* virsh's exit status; words are split at blanks. */
static int
virsh(struct host *host, const char *command, char **out)
{
    g_auto(GStrv) words = g_strsplit(command, " ", -1);
    g_autoptr(GPtrArray) argv = g_ptr_array_new();

    g_ptr_array_add(argv, (char *)"virsh");
    g_ptr_array_add(argv, (char *)"-c");
    g_ptr_array_add(argv, host->uri);
    for (char **word = words; *word; word++)
        g_ptr_array_add(argv, *word);
    g_ptr_array_add(argv, NULL);
    return run_program((const char *const *)argv->pdata, out);
}

/* All of the words, in that order. */
static void
check_words(const char *command, const char *words, const char *out)
{
    g_auto(GStrv) all = g_strsplit(words, "|", -1);
    const char *from = out;

    for (char **word = all; *word; word++) {
        const char *found = strstr(from, *word);

        ck_assert_msg(found != NULL, "virsh %s: no '%s' in: %s", command,
                      *word, out);
        from = found + strlen(*word);
    }
}

static void
virsh_says(struct host *host, const char *command, const char *words)
{
    g_autofree char *out = NULL;
    int status = virsh(host, command, &out);

    ck_assert_msg(status == 0, "virsh %s: %s", command, out);
    check_words(command, words, out);
}

static void
virsh_fails(struct host *host, const char *command, const char *words)
{
    g_autofree char *out = NULL;
    int status = virsh(host, command, &out);

    ck_assert_msg(status == 1, "virsh %s: exit status %d: %s", command,
                  status, out);
    check_words(command, words, out);
}

/* -- what changes nothing -- */

static const struct {
    const char *command, *says;
} answers[] = {
    { "list", " g |running" },
    { "list --all", " g |running" },
    { "domid g", "1" },
    { "domuuid g", UUID },
    { "domname " UUID, "g" },
    { "dominfo g", "Id:             1|Name:           g|UUID:           " UUID
      "|OS Type:        xenpvh|State:          running|CPU(s):         1"
      "|Max memory:     131072 KiB|Used memory:    131072 KiB"
      "|Persistent:     |Autostart:      disable|Managed save:   no" },
    { "domstate g", "running" },
    { "domstate --reason g", "running (" },
    { "dumpxml g", "<domain type=|<uuid>" UUID },
    { "dumpxml --migratable g", "<uuid>" UUID },
    { "dumpxml --security-info g", "<uuid>" UUID },
    { "dumpxml --update-cpu g", "<uuid>" UUID },
    { "dumpxml Domain-0", "<domain type='xen' id='0'>|<name>Domain-0</name>"
      "|<memory |<vcpu>" },
    { "capabilities", "<capabilities>|<arch>x86_64</arch>|<live/>"
      "|<machine>xenpv</machine>|<machine>xenpvh</machine>"
      "|<os_type>hvm</os_type>|<machine>xenfv</machine>" },
    { "domcapabilities", "<domain>xen</domain>|<machine>xenpv</machine>" },
    { "domcapabilities --machine xenpvh --virttype xen --arch x86_64",
      "<machine>xenpvh</machine>|<vcpu max='128'/>" },
    { "domcapabilities --machine xenfv",
      "<path>|<machine>xenfv</machine>|hvmloader|cdrom" },
    { "maxvcpus", "512" },
    { "nodeinfo", "CPU model:           x86_64|CPU(s):              2"
      "|Memory size:" },
    { "freecell", "Total: " },
    { "freecell --all", "    0: |Total: " },
    { "freecell --cellno 0", "0: " },
    { "nodememstats", "total  : |free   : " },
    { "nodememstats --cell 0", "total  : " },
    { "dommemstat g", "actual 131072|available 131072" },
    { "vcpucount g", "current      live           1" },
    { "hostname", "host-a" },
    { "version", "Running hypervisor: Xen 4.17.0" },
    { "version --daemon", "Running against daemon: 9.0.0" },
    { "uri", "xen" },
    { "domjobinfo g", "Job type:         None" },
    { "domjobinfo --completed g", "Job type:         None" },
    { "domjobinfo --completed --keep-completed g",
      "Job type:         None" },
    { "domxml-to-native xen-json --domain g", "<domain |<name>g</name>" },
    { "migrate-getspeed g", "0" },
};

START_TEST(answers_as_libvirtd)
{
    guest(&host_a);
    for (gsize i = 0; i < G_N_ELEMENTS(answers); i++)
        virsh_says(&host_a, answers[i].command, answers[i].says);
    all_is_well();
}
END_TEST

/* -- what is refused, with more than "not supported" -- */

static const struct {
    const char *command, *says;
} refusals[] = {
    { "domcapabilities --machine pc", "no guests of machine 'pc'" },
    { "domcapabilities --arch arm", "not 'arm'" },
    { "domcapabilities --virttype kvm", "'kvm'" },
    { "maxvcpus --type kvm", "'kvm'" },
    { "migrate-setmaxdowntime g 300", "longest downtime cannot be set" },
    { "migrate-getmaxdowntime g", "longest downtime cannot be set" },
    { "migrate-getspeed --postcopy g", "unsupported flags (0x1: postcopy)" },
    { "migrate-setspeed g 17592186044416", "more than can be counted" },
    { "migrate-setspeed nobody 1", "failed to get domain 'nobody'" },
    { "nodememstats --cell 7", "memory of NUMA node 7" },
    { "save g /none/g --xml /dev/null", "an XML of its own cannot be given" },
    { "save g /tmp/g --running --paused", "mutually exclusive" },
    { "domjobabort g", "no job is active" },
    { "domjobabort --postcopy g", "unsupported flags (0x1: postcopy)" },
    { "destroy --graceful g", "unsupported flags (0x1: graceful)" },
    { "shutdown --mode acpi g", "no power button" },
    { "shutdown --mode agent,signal g",
      "unsupported flags (0xa: agent, signal)" },
    { "reboot --mode acpi g", "unsupported flags (0x1: acpi)" },
    { "dumpxml --migratable Domain-0", "cannot be migrated" },
    { "domxml-to-native xen-none --domain g", "no form xen-none" },
    { "undefine g", "transient" },
};

START_TEST(refuses_and_says_why)
{
    guest(&host_a);
    for (gsize i = 0; i < G_N_ELEMENTS(refusals); i++)
        virsh_fails(&host_a, refusals[i].command, refusals[i].says);
    all_is_well();
}
END_TEST

/* It wants a terminal before it asks us. */
START_TEST(refuses_a_console)
{
    g_autofree char *line =
        g_strdup_printf("virsh -c '%s' console g", host_a.uri);
    const char *const argv[] = { "script", "-qec", line, "/dev/null", NULL };
    g_autofree char *out = NULL;

    guest(&host_a);
    ck_assert_int_eq(run_program(argv, &out), 1);
    check_words("console g", "xl console", out);
    all_is_well();
}
END_TEST

/* -- what changes a guest -- */

START_TEST(acts_on_a_guest)
{
    guest(&host_a);
    virsh_says(&host_a, "suspend g", "suspended");
    virsh_says(&host_a, "domstate --reason g", "paused (user)");
    virsh_says(&host_a, "list --state-paused", " g ");
    virsh_says(&host_a, "resume g", "resumed");
    virsh_says(&host_a, "domstate g", "running");
    virsh_says(&host_a, "reboot g", "being rebooted");
    virsh_says(&host_a, "domstate g", "running");
    virsh_says(&host_a, "shutdown g", "being shutdown");
    virsh_fails(&host_a, "domstate g", "failed to get domain 'g'");
    guest(&host_a);
    virsh_says(&host_a, "destroy g", "destroyed");
    virsh_fails(&host_a, "domstate g", "failed to get domain 'g'");
    all_is_well();
}
END_TEST

/* libvirt's schema is not looked at: what is read is checked in any case. */
START_TEST(creates_what_is_valid)
{
    g_autofree char *path = g_build_filename(host_a.dir, "xml", NULL);
    g_autofree char *command =
        g_strdup_printf("create --validate %s", path);
    g_autofree char *good = xf_sim_xml("v", NULL, "xenpvh", 64);

    ck_assert(g_file_set_contents(path, good, -1, NULL));
    virsh_says(&host_a, command, "'v' created");
    virsh_says(&host_a, "destroy v", "destroyed");
    ck_assert(g_file_set_contents(path, "<domain/>", -1, NULL));
    virsh_fails(&host_a, command, "Failed to create domain");
    all_is_well();
}
END_TEST

/* -- stored domains -- */

/* A domain "s" in a file, named in what the test runs. */
static char *
stored_file(void)
{
    char *path = g_build_filename(host_a.dir, "s.xml", NULL);
    g_autofree char *xml =
        xf_sim_xml("s", "00112233-4455-6677-8899-aabbccddee11", "xenpvh", 64);

    ck_assert(g_file_set_contents(path, xml, -1, NULL));
    return path;
}

static void
virsh_takes(const char *verb, const char *file, const char *words)
{
    g_autofree char *command = g_strconcat(verb, " ", file, NULL);

    virsh_says(&host_a, command, words);
}

/* "s" is not in what that lists. */
static void
virsh_lists_no(const char *command)
{
    g_autofree char *out = NULL;

    ck_assert_int_eq(virsh(&host_a, command, &out), 0);
    ck_assert_msg(!strstr(out, " s "), "virsh %s: %s", command, out);
}

START_TEST(keeps_a_stored_domain)
{
    g_autofree char *file = stored_file();

    virsh_takes("define --validate", file, "'s' defined");
    virsh_says(&host_a, "list --all", " s |shut off");
    virsh_says(&host_a, "list --inactive --persistent", " s |shut off");
    virsh_lists_no("list");
    virsh_lists_no("list --all --transient");
    virsh_lists_no("list --all --autostart");
    virsh_says(&host_a, "domstate s", "shut off");
    virsh_says(&host_a, "autostart s", "marked as autostarted");
    virsh_says(&host_a, "list --all --autostart", " s ");
    virsh_says(&host_a, "dominfo s", "Id:             -|State:          shut "
               "off|Persistent:     yes|Autostart:      enable");
    virsh_says(&host_a, "autostart --disable s", "unmarked");
    virsh_says(&host_a, "start --paused s", "started");
    virsh_says(&host_a, "domstate --reason s", "paused (");
    virsh_fails(&host_a, "start s", "already active");
    virsh_says(&host_a, "resume s", "resumed");
    virsh_says(&host_a, "domstate s", "running");
    virsh_says(&host_a, "dumpxml --inactive s", "<name>s</name>");
    virsh_says(&host_a, "destroy s", "destroyed");
    virsh_says(&host_a, "domstate --reason s", "shut off (destroyed)");
    virsh_says(&host_a, "start s", "started");
    virsh_says(&host_a, "undefine s", "undefined");
    virsh_says(&host_a, "dominfo s", "State:          running|Persistent:     "
               "no");
    virsh_says(&host_a, "destroy s", "destroyed");
    virsh_fails(&host_a, "domstate s", "failed to get domain 's'");
    all_is_well();
}
END_TEST

/* Nothing of all that is kept here: there is nothing that could be lost. */
static const char *const undefine_flags[] = {
    "--managed-save", "--snapshots-metadata", "--checkpoints-metadata",
    "--nvram", "--keep-nvram", "--tpm", "--keep-tpm",
    ("--managed-save --snapshots-metadata --checkpoints-metadata --nvram "
     "--tpm"),
};

START_TEST(undefines_with_all_that_belongs_to_it)
{
    g_autofree char *file = stored_file();

    for (gsize i = 0; i < G_N_ELEMENTS(undefine_flags); i++) {
        g_autofree char *command =
            g_strdup_printf("undefine %s s", undefine_flags[i]);

        virsh_takes("define", file, "'s' defined");
        virsh_says(&host_a, command, "undefined");
        virsh_lists_no("list --all");
    }
    all_is_well();
}
END_TEST

/* Their forms: of the simulator's hosts that is the XML itself. */
START_TEST(writes_and_reads_native_forms)
{
    g_autofree char *file = stored_file();
    g_autofree char *native = g_strconcat(host_a.dir, "/native", NULL);
    g_autofree char *from = g_strdup_printf("domxml-from-native xen-json %s",
                                            native);
    g_autofree char *out = NULL;

    virsh_takes("domxml-to-native xen-json --xml", file, "<name>s</name>");
    virsh_takes("define", file, "'s' defined");
    ck_assert_int_eq(virsh(&host_a, "domxml-to-native xen-json --domain s",
                           &out), 0);
    ck_assert(g_file_set_contents(native, out, -1, NULL));
    virsh_says(&host_a, from, "<domain |<name>s</name>");
    ck_assert(g_file_set_contents(native, "{", -1, NULL));
    virsh_fails(&host_a, from, "error: ");
    virsh_says(&host_a, "undefine s", "undefined");
    all_is_well();
}
END_TEST

/* It would have to end with its client's connection. */
START_TEST(nothing_is_tied_to_a_client)
{
    g_autofree char *file = stored_file();
    g_autofree char *create =
        g_strdup_printf("create --autodestroy %s", file);

    virsh_fails(&host_a, create, "unsupported flags (0x2: autodestroy)");
    virsh_lists_no("list --all");
    virsh_takes("define", file, "'s' defined");
    virsh_fails(&host_a, "start --autodestroy s",
                "unsupported flags (0x2: autodestroy)");
    virsh_says(&host_a, "domstate s", "shut off");
    virsh_says(&host_a, "undefine s", "undefined");
    all_is_well();
}
END_TEST

/* Only a machine has a button. */
START_TEST(presses_the_button)
{
    guest_new(&host_a, "h", NULL, "hvm", 64);
    virsh_says(&host_a, "shutdown --mode acpi h", "being shutdown");
    virsh_fails(&host_a, "domstate h", "failed to get domain 'h'");
    guest_new(&host_a, "h", NULL, "hvm", 64);
    virsh_says(&host_a, "shutdown --mode acpi,paravirt h", "being shutdown");
    virsh_fails(&host_a, "domstate h", "failed to get domain 'h'");
    all_is_well();
}
END_TEST

/* -- how fast it may go -- */

START_TEST(a_speed_is_kept)
{
    guest(&host_a);
    virsh_says(&host_a, "migrate-setspeed g 7", "");
    virsh_says(&host_a, "migrate-getspeed g", "7");
    moves(&host_a, &host_b, "g");
    virsh_says(&host_b, "migrate-getspeed g", "0");
    all_is_well();
}
END_TEST

/* -- events -- */

struct events {
    GPid pid;
    char *log;
    const char *wanted;         /* words, in that order */
};

static gboolean
has_words(const char *dir, void *user)
{
    struct events *events = user;
    g_auto(GStrv) all = g_strsplit(events->wanted, "|", -1);
    g_autofree char *text = NULL;

    ck_assert(g_file_get_contents(events->log, &text, NULL, NULL));

    const char *from = text;

    for (char **word = all; *word && from; word++) {
        from = strstr(from, *word);
        from = from ? from + strlen(*word) : NULL;
    }
    return from != NULL;
}

static void
expect_events(struct events *events, const char *words)
{
    events->wanted = words;
    wait_until(has_words, events, words);
}

/* Returns when the first event has been seen: of a guest "e" that comes and
 * goes until then. */
static void
events_start(struct events *events, struct host *host)
{
    const char *const argv[] = {
        "stdbuf", "-oL", "virsh", "-c", host->uri, "event", "--all", "--loop",
        NULL
    };
    gint64 until = g_get_monotonic_time() + DEADLINE_MS * 1000;

    events->log = g_strconcat(host->dir, "/events", NULL);
    events->pid = start_program(argv, events->log, NULL);
    events->wanted = "event 'lifecycle' for domain 'e'";
    do {
        guest_new(host, "e", NULL, "xenpvh", 64);
        guest_destroy(host, "e");
    } while (!has_words(NULL, events) && g_get_monotonic_time() < until);
    expect_events(events, "domain 'e': Stopped Destroyed");
}

static void
events_end(struct events *events)
{
    kill_program(events->pid);
    g_free(events->log);
}

START_TEST(tells_of_a_life)
{
    struct events events;

    events_start(&events, &host_a);
    guest(&host_a);
    expect_events(&events, "domain 'g': Started Booted");
    virsh_says(&host_a, "domstate --reason g", "running (booted)");
    virsh_says(&host_a, "suspend g", "");
    expect_events(&events, "domain 'g': Suspended Paused");
    virsh_says(&host_a, "suspend g", "");
    virsh_says(&host_a, "resume g", "");
    expect_events(&events, "domain 'g': Suspended Paused|"
                  "domain 'g': Resumed Unpaused");
    virsh_says(&host_a, "domstate --reason g", "running (unpaused)");
    virsh_says(&host_a, "reboot g", "");
    virsh_says(&host_a, "list", " g ");
    expect_events(&events, "event 'reboot' for domain 'g'");
    virsh_says(&host_a, "shutdown g", "");
    virsh_says(&host_a, "list", "");
    expect_events(&events, "domain 'g': Stopped Shutdown");
    events_end(&events);
    all_is_well();
}
END_TEST

START_TEST(tells_of_a_migration)
{
    struct events from, to;

    events_start(&from, &host_a);
    events_start(&to, &host_b);
    guest(&host_a);
    moves(&host_a, &host_b, "g");
    expect_events(&from, "event 'migration-iteration' for domain 'g': "
                  "iteration: '1'|domain 'g': Suspended Migrated"
                  "|domain 'g': Stopped Migrated"
                  "|event 'job-completed' for domain 'g'|operation: 5"
                  "|time_elapsed: |downtime: ");
    expect_events(&to, "domain 'g': Started Migrated"
                  "|domain 'g': Resumed Migrated"
                  "|event 'job-completed' for domain 'g'|operation: 4"
                  "|memory_processed: 134217728");
    virsh_says(&host_b, "domstate --reason g", "running (migrated)");
    virsh_says(&host_b, "domjobinfo --completed g",
               "Job type:         Completed|Operation:        Incoming "
               "migration|Time elapsed: |Memory total:     128.000 MiB");
    events_end(&from);
    events_end(&to);
    all_is_well();
}
END_TEST

START_TEST(tells_of_a_failure)
{
    struct events from;

    events_start(&from, &host_a);
    guest(&host_a);
    fault(&host_b, "devices", "fail");
    move_fails(&host_a, &host_b, "g", -1, NULL);
    fault(&host_b, "devices", NULL);
    expect_events(&from, "domain 'g': Suspended Migrated"
                  "|domain 'g': Resumed Migrated"
                  "|event 'job-completed' for domain 'g'");
    virsh_says(&host_a, "domstate --reason g",
               "running (migration canceled)");
    virsh_says(&host_a, "domjobinfo --completed g",
               "Job type:         Failed|Operation:        Outgoing");
    moves(&host_a, &host_b, "g");
    events_end(&from);
    all_is_well();
}
END_TEST

/* -- a domain in a file -- */

static char *
saved_file(void)
{
    return g_strconcat(hosts_dir(), "/g.saved", NULL);
}

/* `verb` and its file, which is named in what the test runs. */
static char *
with_file(const char *verb)
{
    g_autofree char *file = saved_file();

    return g_strconcat(verb, " ", file, NULL);
}

static gboolean
exists(const char *suffix)
{
    g_autofree char *file = saved_file();
    g_autofree char *path = g_strconcat(file, suffix, NULL);

    return g_file_test(path, G_FILE_TEST_EXISTS);
}

START_TEST(saves_and_restores)
{
    g_autofree char *save = with_file("save g");
    g_autofree char *restore = with_file("restore");
    struct events events;

    events_start(&events, &host_a);
    guest(&host_a);
    virsh_says(&host_a, save, "saved to");
    no_domain(&host_a);
    ck_assert(exists("") && !exists(".partial"));
    virsh_says(&host_a, restore, "restored from");
    runs_on(&host_a, "g");
    expect_events(&events, "domain 'g': Suspended Paused"
                  "|domain 'g': Stopped Saved|domain 'g': Started Restored");
    virsh_says(&host_a, "domstate --reason g", "running (restored)");
    /* the file stays, and there is such a domain now */
    virsh_fails(&host_a, restore, "with the same uuid already");
    moves(&host_a, &host_b, "g");
    events_end(&events);
    all_is_well();
}
END_TEST

START_TEST(saves_a_paused_guest)
{
    g_autofree char *save = with_file("save g");
    g_autofree char *restore = with_file("restore");

    guest(&host_a);
    virsh_says(&host_a, "suspend g", "");
    virsh_says(&host_a, save, "saved to");
    virsh_says(&host_a, restore, "restored from");
    virsh_says(&host_a, "domstate --reason g", "paused (user)");
    virsh_says(&host_a, "destroy g", "");
    all_is_well();
}
END_TEST

/* However it was saved: what was said last counts. */
static const struct {
    const char *save, *restore, *state;
} wishes[] = {
    { "save --paused g", "restore", "paused (user)" },
    { "save --paused g", "restore --running", "running (restored)" },
    { "save --bypass-cache g", "restore --paused", "paused (user)" },
    { "save --running g", "restore --bypass-cache", "running (restored)" },
};

START_TEST(comes_back_as_wanted)
{
    g_autofree char *save = with_file(wishes[_i].save);
    g_autofree char *restore = with_file(wishes[_i].restore);

    guest(&host_a);
    virsh_says(&host_a, save, "saved to");
    virsh_says(&host_a, restore, "restored from");
    virsh_says(&host_a, "domstate --reason g", wishes[_i].state);
    virsh_says(&host_a, "destroy g", "");
    all_is_well();
}
END_TEST

/* It goes on, and nothing is left. */
static const struct {
    const char *point, *value;
} save_failures[] = {
    { "can-leave", "fail" },
    { "suspend-page", "fail@10" },
    { "suspend-after-end", "fail" },
};

START_TEST(a_save_fails)
{
    g_autofree char *save = with_file("save g");

    guest(&host_a);
    fault(&host_a, save_failures[_i].point, save_failures[_i].value);
    virsh_fails(&host_a, save, "");
    fault(&host_a, save_failures[_i].point, NULL);
    runs_on(&host_a, "g");
    ck_assert(!exists("") && !exists(".partial"));
    virsh_says(&host_a, save, "saved to");
    all_is_well();
}
END_TEST

START_TEST(where_there_is_no_place)
{
    guest(&host_a);
    virsh_fails(&host_a, "save g /proc/none/g", "/proc/none/g.partial");
    virsh_fails(&host_a, "save g /dev/full", "is no file");
    virsh_fails(&host_a, "restore /proc/none/g", "cannot open");
    virsh_fails(&host_a, "restore /etc/passwd", "no file of a saved domain");
    runs_on(&host_a, "g");
    moves(&host_a, &host_b, "g");
    all_is_well();
}
END_TEST

START_TEST(a_restore_fails)
{
    g_autofree char *save = with_file("save g");
    g_autofree char *restore = with_file("restore");

    guest(&host_a);
    virsh_says(&host_a, save, "");
    fault(&host_a, "devices", "fail");
    virsh_fails(&host_a, restore, "devices");
    fault(&host_a, "devices", NULL);
    no_domain(&host_a);
    virsh_says(&host_a, restore, "");
    runs_on(&host_a, "g");
    all_is_well();
}
END_TEST

/* The daemon dies in the middle: by the file the next one knows. */
static void
killed_at(const char *point)
{
    g_autofree char *file = saved_file();
    g_autofree char *log = g_strconcat(host_a.dir, "/save", NULL);
    const char *const argv[] = { "virsh", "-c", host_a.uri, "save", "g",
                                 file, NULL };

    guest(&host_a);
    fault(&host_a, point, "hang");

    GPid client = start_program(argv, log, NULL);

    wait_hits(&host_a, point, 1);
    host_kill(&host_a);
    kill_program(client);
    fault(&host_a, point, NULL);
    host_start(&host_a);
}

START_TEST(killed_before_the_file_is_whole)
{
    killed_at("suspend-before-end");
    runs_on(&host_a, "g");
    ck_assert(!exists("") && !exists(".partial"));
    moves(&host_a, &host_b, "g");
    all_is_well();
}
END_TEST

START_TEST(killed_when_the_file_is_whole)
{
    g_autofree char *restore = with_file("restore");

    killed_at("destroy");
    no_domain(&host_a);
    ck_assert(exists("") && !exists(".partial"));
    virsh_says(&host_a, restore, "restored from");
    runs_on(&host_a, "g");
    all_is_well();
}
END_TEST

/* Nobody else touches it meanwhile. */
START_TEST(one_that_is_being_saved)
{
    g_autofree char *file = saved_file();
    g_autofree char *log = g_strconcat(host_a.dir, "/save", NULL);
    const char *const argv[] = { "virsh", "-c", host_a.uri, "save", "g",
                                 file, NULL };

    guest(&host_a);
    fault(&host_a, "suspend-page", "hang@10");

    GPid client = start_program(argv, log, NULL);

    wait_hits(&host_a, "suspend-page", 1);
    virsh_fails(&host_a, "destroy g", "being");
    virsh_says(&host_a, "domjobinfo g", "Operation:        Save");
    move_fails(&host_a, &host_b, "g", -1, NULL);
    fault(&host_a, "suspend-page", NULL);
    no_domain(&host_a);
    kill_program(client);
    no_domain(&host_b);
    all_is_well();
}
END_TEST

int
main(void)
{
    const struct xf_unit_test tests[] = {
        { answers_as_libvirtd, 1 },
        { refuses_and_says_why, 1 },
        { refuses_a_console, 1 },
        { acts_on_a_guest, 1 },
        { creates_what_is_valid, 1 },
        { keeps_a_stored_domain, 1 },
        { undefines_with_all_that_belongs_to_it, 1 },
        { writes_and_reads_native_forms, 1 },
        { nothing_is_tied_to_a_client, 1 },
        { presses_the_button, 1 },
        { a_speed_is_kept, 1 },
        { tells_of_a_life, 1 },
        { tells_of_a_migration, 1 },
        { tells_of_a_failure, 1 },
        { saves_and_restores, 1 },
        { saves_a_paused_guest, 1 },
        { comes_back_as_wanted, G_N_ELEMENTS(wishes) },
        { a_save_fails, G_N_ELEMENTS(save_failures) },
        { where_there_is_no_place, 1 },
        { a_restore_fails, 1 },
        { killed_before_the_file_is_whole, 1 },
        { killed_when_the_file_is_whole, 1 },
        { one_that_is_being_saved, 1 },
        { NULL, 0 },
    };
    g_autofree char *virsh_path = g_find_program_in_path("virsh");

    if (!virsh_path) {
        puts("1..0 # SKIP no virsh; Debian has it in libvirt-clients");
        return 0;
    }
    return host_tests_main("virsh", tests);
}
