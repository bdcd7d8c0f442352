#include "fhir/capability.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define SERVER(version, interactions, resources)                                                   \
    "{\"resourceType\": \"CapabilityStatement\", \"fhirVersion\": \"" version "\","                \
    "\"rest\": [{\"mode\": \"server\"" interactions resources "}]}"
#define TRANSACTION ", \"interaction\": [{\"code\": \"batch\"}, {\"code\": \"transaction\"}]"

Test(capability, against_what_a_target_needs)
{
    static const struct {
        const char *statement;
        bool search, any;
        enum release release;
        int expected; /* release, or -1 */
        const char *word;
    } rows[] = {
        {SERVER("5.0.0", TRANSACTION, ""), false, false, RELEASE_R5, RELEASE_R5, NULL},
        {SERVER("4.0.1", TRANSACTION, ""), false, true, RELEASE_R5, RELEASE_R4, NULL},
        {SERVER("4.0.1", TRANSACTION, ""), false, false, RELEASE_R5, -1, "R4"},
        {SERVER("3.0.2", TRANSACTION, ""), false, true, RELEASE_R5, -1, "version"},
        {SERVER("5.0.0", "", ""), false, true, RELEASE_R5, RELEASE_R5, NULL},
        {SERVER("5.0.0", ", \"interaction\": [{\"code\": \"batch\"}]", ""), false, true, RELEASE_R5,
         -1, "transactions"},
        {SERVER("5.0.0", TRANSACTION, ", \"resource\": [{\"type\": \"Patient\"}]"), false, true,
         RELEASE_R5, -1, "ImagingStudy"},
        {SERVER("5.0.0", TRANSACTION,
                ", \"resource\": [{\"type\": \"ImagingStudy\", \"updateCreate\": false}]"),
         false, true, RELEASE_R5, -1, "identity = search"},
        {SERVER("5.0.0", TRANSACTION,
                ", \"resource\": [{\"type\": \"ImagingStudy\", \"updateCreate\": false}]"),
         true, true, RELEASE_R5, RELEASE_R5, NULL},
        {SERVER("5.0.0", TRANSACTION,
                ", \"resource\": [{\"type\": \"ImagingStudy\", \"conditionalUpdate\": false}]"),
         true, true, RELEASE_R5, -1, "conditional update"},
        {"{\"resourceType\": \"Patient\"}", false, true, RELEASE_R5, -1, "CapabilityStatement"},
        {"[]", false, true, RELEASE_R5, -1, "CapabilityStatement"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *statement = json_loads(rows[i].statement, 0, NULL);
        struct mapping m = {.release = rows[i].release, .search_identity = rows[i].search};
        char *message = NULL;
        enum release release = RELEASE_R5;
        int r = capability_check(statement, &m, rows[i].any, &release, &message);

        cr_assert_eq(r < 0 ? -1 : (int)release, rows[i].expected, "row %zu: %s", i,
                     message ? message : "accepted");
        if (rows[i].word)
            cr_assert_not_null(strstr(message, rows[i].word), "row %zu: %s", i, message);
        free(message);
        json_decref(statement);
    }
}

Test(capability, to_validate)
{
#define OPERATION "\"operation\": [{\"name\": \"validate\"}]"
    static const struct {
        const char *statement;
        bool expected;
    } rows[] = {
        {SERVER("5.0.0", TRANSACTION, ""), false},
        {SERVER("5.0.0", TRANSACTION, ", \"resource\": [{\"type\": \"Bundle\"}]"), false},
        {SERVER("5.0.0", TRANSACTION, ", \"resource\": [{\"type\": \"Patient\", " OPERATION "}]"),
         false},
        {SERVER("5.0.0", TRANSACTION, ", \"resource\": [{\"type\": \"Bundle\", " OPERATION "}]"),
         true},
        {SERVER("5.0.0", TRANSACTION, ", " OPERATION ", \"resource\": [{\"type\": \"Bundle\"}]"),
         true},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *statement = json_loads(rows[i].statement, 0, NULL);

        cr_assert_eq(capability_validates(statement, "Bundle"), rows[i].expected, "row %zu", i);
        json_decref(statement);
    }
}

Test(capability, to_delete_what_we_wrote)
{
#define OBSERVATION(more)                                                                          \
    SERVER("5.0.0", TRANSACTION, ", \"resource\": [{\"type\": \"Observation\"" more "}]")
    static const struct {
        const char *statement;
        bool by_id, by_search;
    } rows[] = {
        {SERVER("5.0.0", TRANSACTION, ""), true, false},
        {SERVER("5.0.0", TRANSACTION, ", \"resource\": [{\"type\": \"Patient\"}]"), false, false},
        {OBSERVATION(""), true, false},
        {OBSERVATION(", \"interaction\": [{\"code\": \"update\"}]"), false, false},
        {OBSERVATION(", \"interaction\": [{\"code\": \"delete\"}]"), true, false},
        {OBSERVATION(", \"conditionalDelete\": \"not-supported\""), true, false},
        {OBSERVATION(", \"conditionalDelete\": \"single\""), true, true},
        {OBSERVATION(", \"conditionalDelete\": \"multiple\""), true, true},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *statement = json_loads(rows[i].statement, 0, NULL);

        cr_assert_eq(capability_deletes(statement, &(struct mapping){.search_identity = false}),
                     rows[i].by_id, "row %zu", i);
        cr_assert_eq(capability_deletes(statement, &(struct mapping){.search_identity = true}),
                     rows[i].by_search, "row %zu", i);
        json_decref(statement);
    }
}
