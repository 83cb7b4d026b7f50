/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How many documents a second are read and written, how that grows with the
 * number of disks.  Prints a table; "make bench-convert" runs it, and
 * convert-memory after it.  Argument: seconds a measurement.
 */
#include "config.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/driver.h"
#include "xen/convert.h"
#include "xen/domxml.h"

#define SECONDS_DEFAULT 1.0

static char *
document(guint disks, guint nics)
{
    GString *xml = g_string_new(
        "<domain type='xen'><name>g</name>"
        "<uuid>6a3c1f0e-52d4-4c7b-9a8e-0123456789ab</uuid>"
        "<memory unit='MiB'>4096</memory><vcpu>4</vcpu>"
        "<os><type>xenpvh</type><kernel>/boot/vmlinuz</kernel></os>"
        "<devices>");

    for (guint i = 0; i < disks; i++)
        g_string_append_printf(
            xml, "<disk type='block'><driver name='phy' type='raw'/>"
            "<source dev='/dev/vg0/guest-%u'/><target dev='d%up0'/></disk>",
            i, i);
    for (guint i = 0; i < nics; i++)
        g_string_append_printf(
            xml, "<interface type='bridge'><mac address='00:16:3e:00:%02x:"
            "%02x'/><source bridge='xenbr0'/></interface>", i >> 8, i & 255);
    g_string_append(xml, "</devices></domain>");
    return g_string_free(xml, FALSE);
}

static void
fail(const char *what, const GError *err)
{
    fprintf(stderr, "%s: %s\n", what, err ? err->message : "?");
    exit(EXIT_FAILURE);
}

static char *
convert(const char *text, enum xf_form from, enum xf_form to)
{
    g_autoptr(GError) err = NULL;
    char *result = xf_convert(text, strlen(text), "document", from, to, NULL,
                              &err);

    if (!result)
        fail("convert", err);
    return result;
}

/* Conversions a second. */
static double
rate(const char *text, enum xf_form from, enum xf_form to, double seconds)
{
    gint64 start = g_get_monotonic_time(), now;
    guint rounds = 0;

    do {
        g_free(convert(text, from, to));
        rounds++;
        now = g_get_monotonic_time();
    } while (now - start < seconds * G_USEC_PER_SEC);
    return rounds * (double)G_USEC_PER_SEC / (now - start);
}

static void
rates(const char *what, const char *xml, double seconds)
{
    g_autofree char *xl = convert(xml, XF_FORM_XML, XF_FORM_XL);
    g_autofree char *json = convert(xml, XF_FORM_XML, XF_FORM_JSON);
    const char *const texts[XF_FORM_COUNT] = {
        [XF_FORM_XML] = xml, [XF_FORM_XL] = xl, [XF_FORM_JSON] = json
    };

    printf("%s, documents a second\n%10s", what, "from \\ to");
    for (guint to = 0; to < XF_FORM_COUNT; to++)
        printf("%10s", xf_form_names[to]);
    printf("\n");
    for (guint from = 0; from < XF_FORM_COUNT; from++) {
        printf("%10s", xf_form_names[from]);
        for (guint to = 0; to < XF_FORM_COUNT; to++)
            printf("%10.0f", rate(texts[from], from, to, seconds));
        printf("\n");
    }
    printf("\n");
}

/* Microseconds a disk, which stay the same when the growth is linear. */
static void
growth(double seconds)
{
    static const guint counts[] = { 1, 10, 100, 250, 500, 1000 };

    printf("growth, us a disk\n%10s%10s%10s%10s%10s\n", "disks", "xml->json",
           "xml->xml", "json->xml", "xml->xl");
    for (gsize i = 0; i < G_N_ELEMENTS(counts); i++) {
        g_autofree char *xml = document(counts[i], 1);
        g_autofree char *json = convert(xml, XF_FORM_XML, XF_FORM_JSON);
        const double us = (double)G_USEC_PER_SEC / counts[i];

        printf("%10u%10.1f%10.1f%10.1f%10.1f\n", counts[i],
               us / rate(xml, XF_FORM_XML, XF_FORM_JSON, seconds),
               us / rate(xml, XF_FORM_XML, XF_FORM_XML, seconds),
               us / rate(json, XF_FORM_JSON, XF_FORM_XML, seconds),
               us / rate(xml, XF_FORM_XML, XF_FORM_XL, seconds));
        fflush(stdout);
    }
    printf("\n");
}

int
main(int argc, char **argv)
{
    double seconds = argc > 1 ? g_ascii_strtod(argv[1], NULL)
                              : SECONDS_DEFAULT;
    g_autofree char *small = document(1, 1);
    g_autofree char *large = document(50, 20);

    rates("small (1 disk, 1 interface)", small, seconds);
    rates("large (50 disks, 20 interfaces)", large, seconds);
    growth(seconds);
    return EXIT_SUCCESS;
}
