#include "fhir/trial.h"
#include "fhir/bundle.h"
#include "fhir/node.h"

#include <stdlib.h>

static const char attributes[] =
    "{\"00080020\": {\"vr\": \"DA\", \"Value\": [\"20260302\"]},"
    " \"00080030\": {\"vr\": \"TM\", \"Value\": [\"101200\"]},"
    " \"00080050\": {\"vr\": \"SH\", \"Value\": [\"TRIAL\"]},"
    " \"00080060\": {\"vr\": \"CS\", \"Value\": [\"CT\"]},"
    " \"00080090\": {\"vr\": \"PN\", \"Value\": [{\"Alphabetic\": \"Nobody^Norman\"}]},"
    " \"00080201\": {\"vr\": \"SH\", \"Value\": [\"+0000\"]},"
    " \"00081030\": {\"vr\": \"LO\", \"Value\": [\"A study that nobody has\"]},"
    " \"00100010\": {\"vr\": \"PN\", \"Value\": [{\"Alphabetic\": \"Nobody^Nora\"}]},"
    " \"00100020\": {\"vr\": \"LO\", \"Value\": [\"TRIAL\"]},"
    " \"00100030\": {\"vr\": \"DA\", \"Value\": [\"19700101\"]},"
    " \"00100040\": {\"vr\": \"CS\", \"Value\": [\"F\"]},"
    " \"00101020\": {\"vr\": \"DS\", \"Value\": [\"1.7\"]},"
    " \"00101030\": {\"vr\": \"DS\", \"Value\": [\"70\"]},"
    " \"00180015\": {\"vr\": \"CS\", \"Value\": [\"HEAD\"]},"
    " \"00200011\": {\"vr\": \"IS\", \"Value\": [\"1\"]},"
    " \"00200013\": {\"vr\": \"IS\", \"Value\": [\"1\"]}}";

json_t *trial_bundle(const struct mapping *m)
{
    json_t *documents = json_pack("[o, {}]", json_loads(attributes, 0, NULL)), *bundle = NULL;
    char study_uid[] = "2.25.1", series_uid[] = "2.25.2", uid[] = "2.25.3";
    char sop_class[] = "1.2.840.10008.5.1.4.1.1.2", syntax[] = "1.2.840.10008.1.2.1";
    struct study_instance instance = {.sop_instance_uid = uid,
                                      .sop_class_uid = sop_class,
                                      .transfer_syntax_uid = syntax,
                                      .usable = true,
                                      .available = true,
                                      .received_at = "2026-03-02T10:12:00Z"};
    struct study_series series = {series_uid, 1, &instance};
    const struct study study = {
        .study_instance_uid = study_uid, .n_series = 1, .series = &series, .documents = documents};

    for (int level = 0; level < LEVEL_COUNT; level++)
        instance.attributes[level] = json_array_get(documents, level == 0 ? 0 : 1);
    if (bundle_build(m, &study, bundle_form(m, &study), &bundle) < 0)
        abort();
    json_decref(documents);
    return bundle;
}
