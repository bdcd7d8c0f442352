#include "fhir/answer.h"
#include "fhir/outcome.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define OUTCOME(code)                                                                              \
    "{\"resourceType\": \"OperationOutcome\", \"issue\": [{\"severity\": \"error\", "              \
    "\"code\": \"" code "\", \"diagnostics\": \"Doe^Ann\"}]}"

Test(answer, of_each_status)
{
    static const struct {
        int status;
        const char *body;
        enum verdict verdict;
    } rows[] = {
        {200, NULL, VERDICT_DONE},
        {201, "not json", VERDICT_DONE},
        {204, NULL, VERDICT_DONE},
        {301, NULL, VERDICT_REFUSED},
        {307, NULL, VERDICT_REFUSED},
        {400, NULL, VERDICT_NEVER},
        {400, OUTCOME("transient"), VERDICT_NEVER},
        {401, NULL, VERDICT_REFUSED},
        {403, NULL, VERDICT_REFUSED},
        {404, NULL, VERDICT_NEVER},
        {404, OUTCOME("lock-error"), VERDICT_LATER},
        {405, NULL, VERDICT_REFUSED},
        {408, NULL, VERDICT_LATER},
        {409, NULL, VERDICT_SOON},
        {410, NULL, VERDICT_NEVER},
        {412, NULL, VERDICT_SOON},
        {412, OUTCOME("multiple-matches"), VERDICT_NEVER},
        {412, OUTCOME("duplicate"), VERDICT_NEVER},
        {413, NULL, VERDICT_SMALLER},
        {413, OUTCOME("exception"), VERDICT_SMALLER},
        {418, NULL, VERDICT_NEVER},
        {422, NULL, VERDICT_NEVER},
        {422, OUTCOME("exception"), VERDICT_NEVER},
        {425, NULL, VERDICT_LATER},
        {429, NULL, VERDICT_WAIT},
        {500, NULL, VERDICT_LATER},
        {501, NULL, VERDICT_NEVER},
        {501, OUTCOME("timeout"), VERDICT_LATER},
        {502, NULL, VERDICT_WAIT},
        {503, NULL, VERDICT_WAIT},
        {504, NULL, VERDICT_LATER},
        {505, NULL, VERDICT_NEVER},
        {599, NULL, VERDICT_LATER},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct reply reply = {.status = rows[i].status, .body = rows[i].body};
        struct answer answer;

        answer_of(&reply, &answer);
        cr_assert_eq(answer.verdict, rows[i].verdict, "row %zu: status %d gives %d", i,
                     rows[i].status, answer.verdict);
        answer_done(&answer);
    }
}

Test(answer, that_did_not_come)
{
    struct reply reply = {.trouble = "Couldn't connect to server"};
    struct answer answer;

    answer_of(&reply, &answer);
    cr_assert_eq(answer.verdict, VERDICT_WAIT);
    cr_assert_str_eq(answer.reason, "Couldn't connect to server");
    answer_done(&answer);
    reply.sent = true; /* perhaps this study was too much for the server */
    answer_of(&reply, &answer);
    cr_assert_eq(answer.verdict, VERDICT_LATER);
    answer_done(&answer);
}

Test(answer, the_servers_words_are_kept_apart_from_what_is_logged)
{
    struct reply reply = {.status = 422, .body = OUTCOME("invalid")};
    struct answer answer;

    answer_of(&reply, &answer);
    cr_assert_str_eq(answer.reason, "HTTP 422, the server refuses the content (invalid)");
    cr_assert_str_eq(answer.words, "error invalid: Doe^Ann");
    answer_done(&answer);
}

Test(answer, an_issue_code_that_is_none_is_not_logged)
{
    struct reply reply = {.status = 422, .body = OUTCOME("Doe^Ann")};
    struct answer answer;

    answer_of(&reply, &answer);
    cr_assert_null(strstr(answer.reason, "Doe"));
    answer_done(&answer);
}

Test(answer, of_a_server_that_made_a_batch_of_it_is_its_worst_entry)
{
    static const char body[] =
        "{\"resourceType\": \"Bundle\", \"entry\": [{\"response\": {\"status\": \"201 Created\"}},"
        "{\"response\": {\"status\": \"422\", \"outcome\": " OUTCOME(
            "invalid") "}},"
                       "{\"response\": {\"status\": \"503\"}}, {}]}";
    struct reply reply = {.status = 200, .body = body};
    struct answer answer;

    answer_of(&reply, &answer);
    cr_assert_eq(answer.verdict, VERDICT_NEVER);
    cr_assert_not_null(answer.words);
    answer_done(&answer);
}

Test(answer, retry_after_is_handed_on)
{
    struct reply reply = {.status = 429, .retry_after_s = 17};
    struct answer answer;

    answer_of(&reply, &answer);
    cr_assert_eq(answer.retry_after_s, 17);
    answer_done(&answer);
}

Test(outcome, one_lasting_error_among_passing_ones_lasts)
{
    json_t *resource = json_loads(
        "{\"resourceType\": \"OperationOutcome\", \"issue\": ["
        "{\"severity\": \"error\", \"code\": \"transient\"},"
        "{\"severity\": \"fatal\", \"code\": \"required\", \"expression\": [\"Patient.name\"],"
        " \"details\": {\"text\": \"missing\"}},"
        "{\"severity\": \"warning\", \"code\": \"informational\"}]}",
        0, NULL);
    struct outcome o;

    outcome_read(resource, &o);
    cr_assert(!o.temporary);
    cr_assert_str_eq(o.codes, "transient, required, informational");
    cr_assert_str_eq(o.words, "error transient\nfatal required at Patient.name: missing\n"
                              "warning informational");
    outcome_done(&o);
    json_decref(resource);
}

Test(outcome, warnings_alone_say_nothing_about_time)
{
    json_t *resource = json_loads("{\"resourceType\": \"OperationOutcome\", \"issue\": ["
                                  "{\"severity\": \"warning\", \"code\": \"transient\"}]}",
                                  0, NULL);
    struct outcome o;

    outcome_read(resource, &o);
    cr_assert(!o.temporary);
    outcome_done(&o);
    json_decref(resource);
}

Test(outcome, very_long_words_are_cut_between_characters)
{
    json_t *resource = json_loads(OUTCOME("invalid"), 0, NULL), *cut;
    char *text = malloc(20001);
    struct outcome o;

    for (int i = 0; i < 10000; i++)
        memcpy(text + 2 * i, "ä", 2);
    text[20000] = '\0';
    json_object_set_new(json_array_get(json_object_get(resource, "issue"), 0), "diagnostics",
                        json_string(text));
    outcome_read(resource, &o);
    cr_assert_leq(strlen(o.words), 8000);
    cut = json_string(o.words);
    cr_assert_not_null(cut, "valid UTF-8");
    json_decref(cut);
    outcome_done(&o);
    json_decref(resource);
    free(text);
}
