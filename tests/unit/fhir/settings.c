#include "fhir/settings.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SYSTEMS                                                                                    \
    "default_system_patient = \"http://a.example/p\"\n"                                            \
    "default_system_accession = \"http://a.example/a\"\n"

/* Read @text as a configuration; the message of the first target, or NULL when it is right. What
 * @ret borrows lasts until the next call; what it owns is gone. */
static char *read_text(const char *text, struct settings *ret)
{
    static struct conf *last;
    static const struct conf_section *const sections[] = {&settings_fhir, &settings_target, NULL};
    char path[] = "/tmp/isthmus-settings.XXXXXX", *message = NULL;
    int fd = mkstemp(path);
    struct conf *c = NULL;
    struct settings s;

    cr_assert(fd >= 0);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    (void)close(fd);
    if (conf_load(path, sections, &c, &message) == 0 && settings_read(c, 0, &s, &message) == 0) {
        if (ret)
            *ret = s;
        settings_done(&s);
    }
    (void)conf_free(last);
    last = c;
    (void)unlink(path);
    return message;
}

Test(settings, that_do_not_fit_together_are_refused_with_a_sentence)
{
    static const struct {
        const char *text, *word;
    } rows[] = {
        {"fhir {}\ntarget \"t\" { directory = \"/x\" }", "default_system_patient"},
        {"fhir { default_system_patient = \"mrn\" default_system_accession = \"a:b\" }\n"
         "target \"t\" { directory = \"/x\" }",
         "not an absolute URI"},
        {"fhir { " SYSTEMS "}\ntarget \"t\" {}", "either url or directory"},
        {"fhir { " SYSTEMS "}\ntarget \"t\" { url = \"http://x\" directory = \"/x\" }",
         "either url or directory"},
        {"fhir { " SYSTEMS "}\ntarget \"t\" { url = \"ftp://x\" }", "https://"},
        {"fhir { " SYSTEMS "}\ntarget \"t\" { url = \"https://u:p@x\" }", "credentials"},
        {"fhir { " SYSTEMS "}\ntarget \"t\" { url = \"https://x\" identity = search }",
         "publisher_system"},
        {"fhir { " SYSTEMS
         "time_zone = \"Europe/Atlantis\" }\ntarget \"t\" { url = \"https://x\" }",
         "Atlantis"},
        {"fhir { " SYSTEMS
         "time_zone_of_sender = {\"CT1\"} }\ntarget \"t\" { url = \"https://x\" }",
         "key=value"},
        {"fhir { " SYSTEMS "dicomweb_url = \"https://p/studies\" publisher_system = \"a:b\" }\n"
         "target \"t\" { url = \"https://x\" }",
         "/studies"},
        {"fhir { " SYSTEMS "dicomweb_url = \"https://p/dicomweb\" }\n"
         "target \"t\" { url = \"https://x\" }",
         "publisher_system"},
        {"fhir { " SYSTEMS "publisher_system = \"a:b\" }\n"
         "target \"t\" { url = \"https://x\" dicomweb_url = \"https://p/dicomweb/\" }",
         "slash at the end"},
        {"fhir { " SYSTEMS "publisher_system = \"a:b\" }\ntarget \"t\" { url = \"https://x\" "
         "dicomweb_url = \"https://p\" dicomweb_connections = {\"ftp\"} }",
         "dicom-stow-rs"},
        {"fhir { " SYSTEMS "publisher_system = \"a:b\" }\ntarget \"t\" { url = \"https://x\" "
         "dicomweb_url = \"https://p\" dicomweb_connections = {\"dicom-wado-uri=https://p?a\"} }",
         "?"},
        {"fhir { " SYSTEMS "issuer_template = \"http://x\" }\ntarget \"t\" { url = \"https://x\" }",
         "{local}"},
        {"fhir { " SYSTEMS "}\ntarget \"t\" { url = \"https://x\" authentication = bearer }",
         "token_file"},
        {"fhir { " SYSTEMS "}\ntarget \"t\" { url = \"http://x\" authentication = bearer "
         "token_file = \"/x\" }",
         "plain HTTP"},
        {"fhir { " SYSTEMS "}\ntarget \"t\" { url = \"http://localhost.evil.example\" "
         "authentication = bearer token_file = \"/x\" }",
         "plain HTTP"},
        {"fhir { " SYSTEMS "}\ntarget \"t\" { url = \"https://x\" authentication = smart }",
         "smart_client_id"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *message = read_text(rows[i].text, NULL);

        cr_assert_not_null(message, "row %zu is accepted", i);
        cr_assert_not_null(strstr(message, rows[i].word), "row %zu: %s", i, message);
        free(message);
    }
}

Test(settings, a_target_has_these_defaults)
{
    struct settings s = {0};
    char *message =
        read_text("fhir { " SYSTEMS "}\ntarget \"t\" { url = \"https://x/fhir/\" }", &s);

    cr_assert_null(message, "%s", message);
    cr_assert(s.release_from_server);
    cr_assert_eq(s.quiet_period_s, 10);
    cr_assert_eq(s.longest_delay_s, 300);
    cr_assert_eq(s.senders, 1);
    cr_assert_eq(s.mapping.full_limit, 2000);
    cr_assert_eq(s.mapping.level, FORM_FULL);
    cr_assert_eq(s.mapping.patient, MODE_CREATE);
    cr_assert(!s.mapping.self_contained);
    cr_assert(s.mapping.hold_patient_differs);
}

Test(settings, a_directory_is_r5_and_stands_alone)
{
    struct settings s = {0};

    cr_assert_null(read_text("fhir { " SYSTEMS "}\ntarget \"t\" { directory = \"/x\" }", &s));
    cr_assert(!s.release_from_server);
    cr_assert_eq(s.mapping.release, RELEASE_R5);
    cr_assert(s.mapping.self_contained);
}

Test(settings, a_target_may_have_another_dicomweb_service_or_none)
{
    static const struct {
        const char *target, *url, *connection;
    } rows[] = {
        {"", "https://p/web", "dicom-qido-rs"},
        {"dicomweb_url = \"https://q/web\"", "https://q/web", "dicom-qido-rs"},
        {"dicomweb_connections = {\"ihe-iid=https://q/iid/\"}", "https://p/web",
         "ihe-iid=https://q/iid/"},
        {"dicomweb_url = none", NULL, NULL},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct settings s = {0};
        char text[1000], *message;

        (void)snprintf(text, sizeof text,
                       "fhir { " SYSTEMS
                       "publisher_system = \"a:b\" dicomweb_url = \"https://p/web\" "
                       "dicomweb_connections = {\"dicom-qido-rs\"} }\n"
                       "target \"t\" { url = \"https://x\" %s }",
                       rows[i].target);
        message = read_text(text, &s);
        cr_assert_null(message, "%s", message);
        if (!rows[i].url) {
            cr_assert_null(s.mapping.dicomweb_url);
            continue;
        }
        cr_assert_str_eq(s.mapping.dicomweb_url, rows[i].url);
        cr_assert_str_eq(s.mapping.dicomweb_connections[0], rows[i].connection);
    }
}

Test(settings, a_token_may_go_to_this_machine_in_the_clear)
{
    cr_assert_null(read_text("fhir { " SYSTEMS "}\ntarget \"t\" { url = \"http://127.0.0.1:80/f\" "
                             "authentication = bearer token_file = \"/x\" }",
                             NULL));
}

static struct settings settings_of(const char *fhir, const char *target)
{
    struct settings s = {0};
    char text[1000], *message;

    (void)snprintf(text, sizeof text,
                   "fhir { " SYSTEMS "%s }\ntarget \"t\" { url = \"https://x\" %s }", fhir, target);
    message = read_text(text, &s);
    cr_assert_null(message, "%s", message);
    return s;
}

Test(settings, their_fingerprint_changes_with_what_changes_bundles_and_with_nothing_else)
{
    static const struct {
        const char *fhir, *target;
        bool changes;
    } rows[] = {
        {"", "", false},
        {"", "quiet_period = 3 senders = 2 timeout = 9 compress = true", false},
        {"", "authentication = bearer token_file = \"/x\"", false},
        {"ethnicity = false", "", true},
        {"time_zone = \"Europe/Berlin\"", "", true},
        {"issuer_map = {\"A=http://b\"}", "", true},
        {"default_system_staff = \"http://a.example/s\"", "", true},
        {"patient_differs = publish", "", true}, /* what was held is let go */
        {"", "identity = id instance_limit = 1", true},
        {"", "instance_level = series", true},
        {"", "patient = update", true},
        {"", "self_contained = on", true},
        {"", "dicomweb_url = none", true},
        {"", "dicomweb_connections = {\"ihe-iid\"}", true},
    };
    struct settings plain = settings_of("", "");

    cr_assert_eq(strlen(plain.fingerprint), DIGEST_TEXT - 1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct settings s = settings_of(rows[i].fhir, rows[i].target);

        cr_assert_eq(strcmp(s.fingerprint, plain.fingerprint) != 0, rows[i].changes, "row %zu", i);
    }
}
