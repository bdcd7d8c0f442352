#include "fhir/node.h"
#include "fhir/search.h"
#include "store/base/cleanup.h"

#include <criterion/criterion.h>
#include <stdlib.h>

Test(search, a_next_link_is_followed_only_at_the_same_server)
{
    static const struct {
        const char *link, *path;
    } rows[] = {
        {"https://f.example/fhir?_getpages=1", "?_getpages=1"},
        {"https://f.example/fhir/ServiceRequest?page=2", "ServiceRequest?page=2"},
        {"ServiceRequest?page=2", "ServiceRequest?page=2"},
        {"?page=2", "?page=2"},
        {"/fhir/ServiceRequest?page=2", "ServiceRequest?page=2"},
        {"https://evil.example/fhir?page=2", NULL},
        {"https://f.example.evil.example/fhir?page=2", NULL},
        {"https://f.example/fhir@evil.example/?page=2", NULL},
        {"https://f.example:444/fhir?page=2", NULL},
        {"http://f.example/fhir?page=2", NULL},
        {"https://f.example/fhirx?page=2", NULL},
        {"//evil.example/fhir?page=2", NULL},
        {"/other?page=2", NULL},
        {"https://f.example/fhir/../other?page=2", NULL},
        {"https://f.example/fhir?page=2\r\nHost: evil", NULL},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *path = search_next_path("https://f.example/fhir", rows[i].link);

        if (rows[i].path)
            cr_assert_str_eq(path, rows[i].path, "row %zu", i);
        else
            cr_assert_null(path, "row %zu", i);
        free(path);
    }
}

Test(search, what_a_server_left_out_is_found_in_its_answer)
{
    static const struct {
        const char *bundle;
        bool ignores;
    } rows[] = {
        {"{}", false},
        {"{\"link\": [{\"relation\": \"self\", \"url\": \"S?_id=1&_revinclude=T:b\"}]}", false},
        {"{\"link\": [{\"relation\": \"self\", \"url\": \"https://f/fhir/S\"}]}", false},
        {"{\"link\": [{\"relation\": \"self\", \"url\": \"https://f/fhir/S?_id=1\"}]}", true},
        {"{\"entry\": [{\"resource\": {\"resourceType\": \"OperationOutcome\", \"issue\": "
         "[{\"severity\": \"warning\"}]}}]}",
         true},
        {"{\"entry\": [{\"resource\": {\"resourceType\": \"OperationOutcome\", \"issue\": "
         "[{\"severity\": \"information\"}]}}]}",
         false},
        {"{\"entry\": 7, \"link\": {}}", false},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        _cleanup_json_ json_t *bundle = json_loads(rows[i].bundle, 0, NULL);

        cr_assert_not_null(bundle, "row %zu", i);
        cr_assert_eq(search_ignores(bundle, "_revinclude"), rows[i].ignores, "row %zu", i);
    }
}
