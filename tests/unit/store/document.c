#include "store/document.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static void check(json_t *document)
{
    char *expected = json_dumps(document, JSON_COMPACT), *text = NULL;

    cr_assert_eq(document_write(document, &text), 0);
    cr_assert_str_eq(text, expected);
    free(text);
    free(expected);
}

Test(document, a_written_document_has_the_text_that_jansson_gives_it)
{
    static const char *const texts[] = {
        "{}",
        "[]",
        "[[], {}, null, true, false]",
        "{\"00100020\": {\"vr\": \"LO\", \"Value\": [\"A-1\"]}, \"b\": {}, \"c\": [\"\"]}",
        "[\"M\u00fcller^Zo\u00eb=\u5c71\u7530\", \"\U0001f600\", \"a\\\\b\\\"c/d\\u007f\"]",
        "[\"\\b\\f\\n\\r\\t\\u0001\\u001f\"]",
        "[0, -1, 9223372036854775807, -9223372036854775808]",
        "[0.0, -0.5, 1e300, 1e-5, 0.1, 3.4028234663852886e38, 9007199254740991.0]",
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        json_t *document = json_loads(texts[i], 0, NULL);

        cr_assert_not_null(document, "%s", texts[i]);
        check(document);
        json_decref(document);
    }
}

Test(document, a_long_document_is_written_whole)
{
    json_t *document = json_array();
    char text[3000];

    for (size_t n = 0; n < sizeof text; n++) {
        memset(text, 'x', n);
        text[n] = '\0';
        json_array_append_new(document, json_string(text));
        if (n % 100 == 0)
            check(document);
    }
    json_decref(document);
}
