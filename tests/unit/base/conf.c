#include "store/base/conf.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const versions[] = {"R4", "R5", NULL};
static const struct conf_option scp_options[] = {
    {"port", CONF_INT, "11112", 1, 65535, NULL, NULL, "h"},
    {"timeout", CONF_INT, "30", 0, 600, NULL, "seconds", "h"},
    {"lowest", CONF_INT, "0", -10, 10, NULL, NULL, "h"},
    {"verbose", CONF_BOOL, "true", 0, 0, NULL, NULL, "h"},
    {"aets", CONF_LIST, "{\"any\"}", 1, 16, NULL, NULL, "h"},
    {"empty", CONF_LIST, NULL, 0, 0, NULL, NULL, "h"},
    {"title", CONF_STRING, "ISTHMUS", 1, 16, NULL, NULL, "h"},
    {"note", CONF_STRING, NULL, 0, 0, NULL, NULL, "h"},
    {NULL, CONF_STRING, NULL, 0, 0, NULL, NULL, NULL},
};
static const struct conf_option target_options[] = {
    {"url", CONF_STRING, NULL, 1, 200, NULL, NULL, "h"},
    {"version", CONF_CHOICE, "R5", 0, 0, versions, NULL, "h"},
    {NULL, CONF_STRING, NULL, 0, 0, NULL, NULL, NULL},
};
static const struct conf_section scp = {.name = "scp", .options = scp_options};
static const struct conf_section target = {
    .name = "target", .titled = true, .options = target_options};
static const struct conf_section *const sections[] = {&conf_database, &conf_store, &conf_log,
                                                      &scp,           &target,     NULL};
/* A program that does not know targets. */
static const struct conf_section *const without_target[] = {&scp, NULL};

static char path[64];

static int load(const struct conf_section *const *known, const char *text, struct conf **ret,
                char **ret_message)
{
    FILE *f;
    int r;

    (void)snprintf(path, sizeof path, "/tmp/isthmus-conf-%ld", (long)getpid());
    f = fopen(path, "w");
    cr_assert_not_null(f);
    (void)fputs(text, f);
    (void)fclose(f);
    *ret_message = NULL;
    r = conf_load(path, known, ret, ret_message);
    (void)unlink(path);
    return r;
}

static struct conf *load_good(const struct conf_section *const *known, const char *text)
{
    struct conf *c = NULL;
    char *message;

    cr_assert_eq(load(known, text, &c, &message), 0, "%s: %s", text, message);
    return c;
}

Test(conf, an_empty_file_gives_the_defaults)
{
    struct conf *c = load_good(sections, "# nothing but a comment");
    const char *const *list;

    cr_assert_eq(conf_int(c, "scp", "port"), 11112);
    cr_assert(conf_bool(c, "scp", "verbose"));
    cr_assert_str_eq(conf_string(c, "scp", "title"), "ISTHMUS");
    cr_assert_null(conf_string(c, "scp", "note"));
    cr_assert_eq(conf_list(c, "scp", "aets", &list), 1);
    cr_assert_str_eq(list[0], "any");
    cr_assert_eq(conf_list(c, "scp", "empty", &list), 0);
    cr_assert_eq(conf_titled_count(c, "target"), 0);
    cr_assert_str_eq(conf_string(c, "database", "conninfo"), "dbname=isthmus");
    cr_assert_str_eq(conf_string(c, "store", "root"), "/var/lib/isthmus/store");
    cr_assert_eq(conf_int(c, "store", "reserve_mib"), 1024);
    cr_assert_str_eq(conf_string(c, "log", "level"), "info");
    conf_free(c);
}

Test(conf, values_of_the_file_take_the_place_of_defaults)
{
    struct conf *c = load_good(sections, "scp {\n"
                                         "  port = 104 // well known\n"
                                         "  lowest = -3\n"
                                         "  verbose = false /* quiet */\n"
                                         "  aets = {\"CT1\", # the old one\n"
                                         "          'MR \"2\"'}\n"
                                         "  note = \"a # b // c \\\"d\\\"\"\n"
                                         "}\n"
                                         "log { level = debug }");
    const char *const *list;

    cr_assert_eq(conf_int(c, "scp", "port"), 104);
    cr_assert_eq(conf_int(c, "scp", "lowest"), -3);
    cr_assert_not(conf_bool(c, "scp", "verbose"));
    cr_assert_eq(conf_list(c, "scp", "aets", &list), 2);
    cr_assert_str_eq(list[0], "CT1");
    cr_assert_str_eq(list[1], "MR \"2\"");
    cr_assert_str_eq(conf_string(c, "scp", "note"), "a # b // c \"d\"");
    cr_assert_str_eq(conf_string(c, "log", "level"), "debug");
    conf_free(c);
}

Test(conf, titled_sections_are_counted_and_keep_their_order)
{
    struct conf *c = load_good(sections, "target \"main\" { url = \"http://a\" }\n"
                                         "scp { port = 1 }\n"
                                         "target second { url = \"http://b\" version = R4 }");

    cr_assert_eq(conf_titled_count(c, "target"), 2);
    cr_assert_str_eq(conf_title(c, "target", 0), "main");
    cr_assert_str_eq(conf_titled_string(c, "target", 0, "url"), "http://a");
    cr_assert_str_eq(conf_titled_string(c, "target", 0, "version"), "R5");
    cr_assert_str_eq(conf_title(c, "target", 1), "second");
    cr_assert_str_eq(conf_titled_string(c, "target", 1, "version"), "R4");
    conf_free(c);
}

Test(conf, sections_of_other_programs_are_skipped_whatever_is_in_them)
{
    struct conf *c = load_good(without_target, "target \"a\" { url = \"http://}\" x = {1, 2}\n"
                                               "  # }\n}\n"
                                               "target \"b\" { y = 3 }\n"
                                               "fhir { anything = {\"a\", b} other = 1 }\n"
                                               "database { conninfo = x }\n"
                                               "scp { port = 5 }");

    cr_assert_eq(conf_int(c, "scp", "port"), 5);
    conf_free(c);
}

Test(conf, what_is_wrong_is_said_with_file_and_line)
{
    static const struct {
        const char *text, *expected; /* behind "path:" */
    } rows[] = {
        {"# a\n# b\n\nscp {\n  port = 99999\n}", "5: scp.port is 99999, allowed is 1 to 65535"},
        {"scp { port = 0 }", "1: scp.port is 0, allowed is 1 to 65535"},
        {"scp { port = 12x }", "1: scp.port is 12x, allowed is 1 to 65535"},
        {"scp { port = 0x10 }", "1: scp.port is 0x10, allowed is 1 to 65535"},
        {"scp { port = \"\" }", "1: scp.port is , allowed is 1 to 65535"},
        {"scp { port = 99999999999999999999 }",
         "1: scp.port is 99999999999999999999, allowed is 1 to 65535"},
        {"scp { timeout = 601 }", "1: scp.timeout is 601, allowed is 0 to 600 seconds"},
        {"scp {\n# x\n/* y\n */ verbose = yes }",
         "4: scp.verbose is yes, allowed is true or false"},
        {"scp { title = \"ABCDEFGHIJKLMNOPQ\" }",
         "1: scp.title is 17 bytes long, allowed is 1 to 16"},
        {"scp { aets = {\"A\",\n\"\"} }", "2: scp.aets is 0 bytes long, allowed is 1 to 16"},
        {"target a { version = R6 }", "1: target.version is R6, allowed is R4 or R5"},
        {"log { level = loud }", "1: log.level is loud, allowed is error, warning, info or debug"},
        {"scp {\n\npotr = 1 }", "3: unknown option \"potr\" in scp, did you mean \"port\"?"},
        {"scp { colour = 1 }", "1: unknown option \"colour\" in scp"},
        {"# x\nscpp { }", "2: unknown section \"scpp\", did you mean \"scp\"?"},
        {"nonsense { }", "1: unknown section \"nonsense\""},
        {"target a { }\ntarget a { }", "2: found duplicate title 'a'"},
        {"target { }", "1: missing title for section 'target'"},
        {"scp {\n port = 5\n", "1: \"{\" without \"}\""},
        {"scp { }\n}", "2: \"}\" without \"{\""},
        {"scp {\n title = \"abc\n }\n", "2: text without closing quote"},
        {"scp { }\n/* no end", "2: comment without end"},
        {"scp { port 5 }", "1: missing equal sign after option 'port'"},
        {"scp { port = {5} }", "1: unexpected token '{'"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct conf *c = NULL;
        char *message, expected[300];

        cr_assert_eq(load(sections, rows[i].text, &c, &message), -EINVAL, "%s", rows[i].text);
        (void)snprintf(expected, sizeof expected, "%s:%s", path, rows[i].expected);
        cr_assert_str_eq(message, expected);
        cr_assert_null(c);
        free(message);
    }
}

Test(conf, a_file_that_cannot_be_read_is_named)
{
    struct conf *c = NULL;
    char *message = NULL;

    cr_assert_eq(conf_load("/nonexistent/isthmus.conf", sections, &c, &message), -ENOENT);
    cr_assert_str_eq(message, "/nonexistent/isthmus.conf: No such file or directory");
    free(message);
    cr_assert_eq(conf_load("/tmp", sections, &c, &message), -EISDIR);
    free(message);
}

Test(conf, what_is_printed_can_be_read_again)
{
    struct conf *c =
        load_good(sections, "scp { note = \"a \\\"b\\\" \\\\ c\" aets = {x, \"y z\"} }\n"
                            "target \"t 1\" { url = \"http://a\" }");
    char text[8192] = "", file[64];
    FILE *f;

    (void)snprintf(file, sizeof file, "/tmp/isthmus-conf-out-%ld", (long)getpid());
    cr_assert_not_null(freopen(file, "w", stdout));
    conf_print(c, sections);
    (void)fflush(stdout);
    f = fopen(file, "r");
    cr_assert_not_null(f);
    cr_assert_gt(fread(text, 1, sizeof text - 1, f), 0);
    (void)fclose(f);
    (void)unlink(file);
    conf_free(c);
    c = load_good(sections, text);
    cr_assert_str_eq(conf_string(c, "scp", "note"), "a \"b\" \\ c");
    cr_assert_str_eq(conf_title(c, "target", 0), "t 1");
    cr_assert_eq(conf_int(c, "scp", "port"), 11112);
    conf_free(c);
}
