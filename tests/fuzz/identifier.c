/* Any bytes as the identifier of a query: read, planned in every information model, written again
 * in each transfer syntax and character set. The first byte says which. */
#include "store/identifier.h"
#include "store/query_plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static const char *const syntaxes[] = {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1",
                                       "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"};
static const char *const charsets[] = {
    "",        "ISO_IR 192",        "ISO_IR 100", "ISO 2022 IR 13\\ISO 2022 IR 87",
    "GB18030", "\\ISO 2022 IR 149", "nonsense",   "ISO_IR 166"};

static void plan(const json_t *identifier, unsigned how)
{
    static const char *const members[] = {"CT1", "CT2"};
    static const struct station_group group = {"CT", members, 2};
    const struct worklist_view view = {.states = members,
                                       .n_states = 2,
                                       .own_stations = how & 64,
                                       .stations = members,
                                       .n_stations = 1,
                                       .groups = &group,
                                       .n_groups = 1};
    struct query_options options = {.root = (enum query_root)(how % 4),
                                    .relational = how & 4,
                                    .combined_datetime = how & 8,
                                    .fuzzy_names = how & 16,
                                    .empty_value = how & 32,
                                    .retrieve_ae_title = "ISTHMUS",
                                    .view = &view};
    struct query_problem problem;
    struct plan p = {0};

    if (plan_make(identifier, &options, &p, &problem) == -EBADMSG && strlen(problem.comment) > 64)
        abort();
    plan_done(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    json_t *identifier = NULL;
    const char *problem = NULL;
    uint8_t *encoded = NULL;
    size_t m;

    if (n < 2 || n > IDENTIFIER_BYTES_MAX)
        return 0;
    if (identifier_parse(syntaxes[bytes[0] % 4], bytes + 2, n - 2, &identifier, &problem) < 0)
        return 0;
    plan(identifier, bytes[1]);
    const char *charset = identifier_charset(identifier, charsets[bytes[1] % 8], NULL);
    if (identifier_encode(identifier, charset, syntaxes[(bytes[0] >> 2) % 4], &encoded, &m) == 0 &&
        m % 2)
        abort();
    free(encoded);
    json_decref(identifier);
    return 0;
}
