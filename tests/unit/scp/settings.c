#include "scp/settings.h"
#include "store/caller.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct conf *conf;

static struct settings read_settings(const char *text)
{
    char path[] = "/tmp/isthmus-settings-XXXXXX", *message = NULL;
    int fd = mkstemp(path);
    struct settings s;

    cr_assert_geq(fd, 0);
    cr_assert_geq(dprintf(fd, "%s", text), 0);
    close(fd);
    cr_assert_eq(conf_load(path, scp_sections, &conf, &message), 0, "%s", message);
    unlink(path);
    settings_read(conf, &s);
    return s;
}

static void tear_down(void)
{
    conf = conf_free(conf);
}

TestSuite(settings, .fini = tear_down);

Test(settings, everybody_may_everything_by_default)
{
    struct settings s = read_settings("");

    cr_assert(settings_allow(&s, "calling_ae_titles", "CT1"));
    cr_assert(settings_allow(&s, "called_ae_titles", "ANY-SCP"));
    cr_assert(settings_allow(&s, "transfer_syntaxes", "1.2.3"));
    cr_assert(caller_may(s.conf, "CT1", "store"));
    cr_assert(caller_may(s.conf, "CT1", "find"));
    cr_assert_null(caller_string(s.conf, "CT1", "charset"));
    cr_assert(s.spool);
    cr_assert_eq(s.limits.artim_ms, 30000);
}

Test(settings, a_list_allows_what_it_names)
{
    struct settings s = read_settings("scp { calling_ae_titles = {\"CT1\", \"MR1\"} }");

    cr_assert(settings_allow(&s, "calling_ae_titles", "MR1"));
    cr_assert_not(settings_allow(&s, "calling_ae_titles", "US1"));
    cr_assert_not(settings_allow(&s, "calling_ae_titles", "any"));
}

Test(settings, a_section_of_an_ae_title_narrows_it_and_nobody_else)
{
    struct settings s =
        read_settings("ae \"CT1\" { allow = {\"store\"} charset = \"ISO_IR 100\" }");

    cr_assert(caller_may(s.conf, "CT1", "store"));
    cr_assert_not(caller_may(s.conf, "CT1", "find"));
    cr_assert_str_eq(caller_string(s.conf, "CT1", "charset"), "ISO_IR 100");
    cr_assert(caller_may(s.conf, "WS1", "find"));
}

Test(settings, there_are_never_fewer_workers_at_most_than_at_least)
{
    struct settings s = read_settings("scp { workers_min = 8 workers_max = 2 }");

    cr_assert_eq(s.workers_min, 2);
}
