/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Does converting leak?  Each form into each, and what is refused, again and
 * again: what the process has allocated, and what it has of the machine's
 * memory, is the same after some thousand of them and after the last.  Prints
 * TAP.  Argument: how many conversions.
 *
 * Under a sanitizer, whose allocator keeps what is freed, it counts nothing
 * and converts less: there LeakSanitizer looks.
 */
#include "config.h"

#include <glib.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xen/convert.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#define ROUNDS_DEFAULT (SANITIZED ? 2000 : 25000)
#define FIRST 1000
/* By then all is there that is made once, and what is kept for the next. */
#define SETTLED (SANITIZED ? FIRST : 5000)
/* Less than 32 bytes, the least that can be lost, for each turn of one pair
 * after that. */
#define ALLOCATED_SLACK_KIB 32
/* What malloc() has from the system goes up and down. */
#define RESIDENT_SLACK_KIB 4096

static const char document[] =
    "<domain type='xen'><name>g</name><title>A guest</title>"
    "<uuid>6a3c1f0e-52d4-4c7b-9a8e-0123456789ab</uuid>"
    "<metadata><a:b xmlns:a='urn:a'>text</a:b></metadata>"
    "<memory unit='MiB'>512</memory><vcpu cpuset='0-3'>2</vcpu>"
    "<cputune><vcpupin vcpu='1' cpuset='2'/></cputune>"
    "<os><type>hvm</type><boot dev='hd'/></os>"
    "<features><acpi/><apic/><hyperv><relaxed state='on'/></hyperv></features>"
    "<cpu mode='host-passthrough'><feature policy='disable' name='avx2'/>"
    "</cpu><clock offset='variable' adjustment='5'/><devices>"
    "<disk type='file'><driver name='qemu' type='qcow2'/>"
    "<source file='/a'/><target dev='hda' bus='ide'/></disk>"
    "<disk type='block'><source dev='/dev/b'/><target dev='xvdb'/></disk>"
    "<interface type='bridge'><mac address='00:16:3e:00:00:01'/>"
    "<source bridge='xenbr0'/><ip address='10.0.0.1'/></interface>"
    "<interface type='network'><source network='lan'/></interface>"
    "<serial type='pty'/><channel type='pty'><target type='xen' name='c'/>"
    "</channel><graphics type='vnc' port='5901' passwd='p'/>"
    "<video><model type='vga'/></video></devices></domain>";

static const struct {
    enum xf_form form;
    const char *text;
} refused[] = {
    { XF_FORM_XML, "<domain type='xen'><name>g</name>" },
    { XF_FORM_XML, "<domain type='xen'><name>g</name><memory>65536</memory>"
                   "<os><type>hvm</type></os><devices><tpm/></devices>"
                   "</domain>" },
    { XF_FORM_JSON, "{ \"c_info\": { \"type\": \"pv\", \"colour\": 1 } }" },
    { XF_FORM_JSON, "{" },
};

struct memory {
    long allocated_kib, resident_kib;
};

static long
resident_kib(void)
{
    g_autofree char *text = NULL;
    const char *line;

    if (!g_file_get_contents("/proc/self/status", &text, NULL, NULL)
        || !(line = strstr(text, "VmRSS:")))
        return 0;
    return strtol(line + strlen("VmRSS:"), NULL, 10);
}

static struct memory
look(guint done)
{
    struct mallinfo2 info = mallinfo2();
    struct memory memory = { (info.uordblks + info.hblkhd) / 1024,
                             resident_kib() };

    printf("# after %u conversions: %ld KiB allocated, %ld KiB resident\n",
           done, memory.allocated_kib, memory.resident_kib);
    return memory;
}

static char *
convert(const char *text, enum xf_form from, enum xf_form to,
        GHashTable *networks)
{
    g_autoptr(GPtrArray) notes = g_ptr_array_new_with_free_func(g_free);
    const struct xf_convert_how how = { notes, networks };
    g_autoptr(GError) err = NULL;
    char *result = xf_convert(text, strlen(text), "document", from, to, &how,
                              &err);

    if (!result) {
        printf("Bail out! convert: %s\n", err ? err->message : "?");
        exit(EXIT_FAILURE);
    }
    return result;
}

static void
refuse(guint i)
{
    const char *text = refused[i].text;
    g_autoptr(GError) err = NULL;

    if (xf_convert(text, strlen(text), "document", refused[i].form,
                   XF_FORM_XML, NULL, &err)
        || !err) {
        printf("Bail out! taken: %s\n", text);
        exit(EXIT_FAILURE);
    }
}

static void
convert_all(const char *const *texts, GHashTable *networks, guint from,
            guint to)
{
    const guint pairs = XF_FORM_COUNT * XF_FORM_COUNT;

    for (guint i = from; i < to; i++) {
        guint pair = i % (pairs + G_N_ELEMENTS(refused));

        if (pair >= pairs)
            refuse(pair - pairs);
        else
            g_free(convert(texts[pair / XF_FORM_COUNT], pair / XF_FORM_COUNT,
                           pair % XF_FORM_COUNT, networks));
    }
}

int
main(int argc, char **argv)
{
    guint rounds = argc > 1 ? (guint)strtoul(argv[1], NULL, 10)
                            : ROUNDS_DEFAULT;
    g_autoptr(GHashTable) networks = g_hash_table_new(g_str_hash,
                                                      g_str_equal);
    g_hash_table_insert(networks, (void *)"lan", (void *)"xenbr1");

    g_autofree char *xl = convert(document, XF_FORM_XML, XF_FORM_XL,
                                  networks);
    g_autofree char *json = convert(document, XF_FORM_XML, XF_FORM_JSON,
                                    networks);
    const char *const texts[XF_FORM_COUNT] = {
        [XF_FORM_XML] = document, [XF_FORM_XL] = xl, [XF_FORM_JSON] = json
    };

    printf("1..1\n");
    convert_all(texts, networks, 0, FIRST);
    look(FIRST);
    convert_all(texts, networks, FIRST, SETTLED);

    struct memory settled = look(SETTLED);

    convert_all(texts, networks, SETTLED, MAX(rounds, SETTLED));

    struct memory end = look(MAX(rounds, SETTLED));
    gboolean ok = SANITIZED
        || (end.allocated_kib - settled.allocated_kib <= ALLOCATED_SLACK_KIB
            && end.resident_kib - settled.resident_kib <= RESIDENT_SLACK_KIB);

    printf("%s 1 - convert: memory does not grow\n", ok ? "ok" : "not ok");
    return EXIT_SUCCESS;
}
