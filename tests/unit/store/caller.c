#include "store/caller.h"
#include "store/worklist_settings.h"
#include "store/worklist_view.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct conf_section *const sections[] = {&conf_callers, &conf_worklist,
                                                      &conf_station_group, &conf_ae, NULL};

/* The sentence of a refusal is the caller's. */
static struct conf *load(const char *text, char **ret_message)
{
    char path[] = "/tmp/isthmus-caller-XXXXXX";
    int fd = mkstemp(path);
    struct conf *c = NULL;

    cr_assert_geq(fd, 0);
    cr_assert_geq(dprintf(fd, "%s", text), 0);
    close(fd);
    (void)conf_load(path, sections, &c, ret_message);
    unlink(path);
    return c;
}

static struct conf *load_good(const char *text)
{
    char *message = NULL;
    struct conf *c = load(text, &message);

    cr_assert_not_null(c, "%s", message);
    return c;
}

/* The titles of a view's expansion of @title, with spaces between. */
static const char *titles(const struct worklist_view *v, const char *title)
{
    static char text[200];
    const char *one;

    text[0] = '\0';
    for (size_t i = 0; (one = worklist_view_title(v, title, i)); i++)
        (void)strcat(strcat(text, i ? " " : ""), one);
    return text;
}

Test(caller, who_may_call_is_read_beside_options_of_other_programs)
{
    struct conf *c = load_good("scp { port = 104 calling_ae_titles = {\"CT1\"} }\n"
                               "ae \"CT1\" { allow = {\"store\"} }");

    cr_assert(caller_known(c, "CT1"));
    cr_assert_not(caller_known(c, "MR1"));
    cr_assert(caller_may(c, "CT1", "store"));
    cr_assert_not(caller_may(c, "CT1", "worklist"));
    cr_assert(caller_may(c, "MR1", "worklist"));
    conf_free(c);
}

Test(caller, a_service_or_state_that_there_is_not_is_refused)
{
    static const char *const texts[] = {"ae \"CT1\" { allow = {\"store\", \"workist\"} }",
                                        "worklist { show_states = {\"SCHEDULED\", \"DONE\"} }"};

    for (size_t i = 0; i < 2; i++) {
        char *message = NULL;

        cr_assert_null(load(texts[i], &message));
        cr_assert(strstr(message, i ? "DONE" : "workist"), "%s", message);
        free(message);
    }
}

Test(caller, without_sections_everything_that_is_to_be_performed_is_seen)
{
    struct conf *c = load_good("");
    struct worklist_view v;

    cr_assert_eq(worklist_view_read(c, "CT1", &v), 0);
    cr_assert_eq(v.n_states, 4);
    cr_assert_str_eq(v.states[3], "STARTED");
    cr_assert_not(v.own_stations);
    cr_assert_str_eq(titles(&v, "CT1"), "CT1");
    worklist_view_done(&v);
    conf_free(c);
}

Test(caller, its_own_stations_are_itself_and_those_named)
{
    struct conf *c = load_good("ae \"CT1\" { worklist_own_stations = true\n"
                               "    worklist_stations = {\"CT2\", \"US\"} }");
    struct worklist_view v;

    cr_assert_eq(worklist_view_read(c, "CT1", &v), 0);
    cr_assert(v.own_stations);
    cr_assert_eq(v.n_stations, 3);
    cr_assert_str_eq(v.stations[0], "CT1");
    cr_assert_str_eq(v.stations[2], "US");
    worklist_view_done(&v);
    conf_free(c);
}

Test(caller, groups_and_members_stand_for_each_other)
{
    struct conf *c = load_good("station_group \"CT\" { members = {\"CT1\", \"CT2\"} }\n"
                               "station_group \"ALL\" { members = {\"CT1\", \"MR1\"} }\n"
                               "station_group \"NONE\" { }");
    struct worklist_view v;

    cr_assert_eq(worklist_view_read(c, "WS", &v), 0);
    cr_assert_str_eq(titles(&v, "CT1"), "CT1 CT ALL");
    cr_assert_str_eq(titles(&v, "CT2"), "CT2 CT");
    cr_assert_str_eq(titles(&v, "ALL"), "ALL CT1 MR1");
    cr_assert_str_eq(titles(&v, "NONE"), "NONE");
    cr_assert_str_eq(titles(&v, "US1"), "US1");
    worklist_view_done(&v);
    conf_free(c);
}
