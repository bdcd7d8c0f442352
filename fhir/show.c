#include "fhir/show.h"
#include "fhir/bundle.h"
#include "fhir/node.h"
#include "fhir/settings.h"
#include "store/base/cleanup.h"
#include "store/study.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int fail(const char *what)
{
    (void)fprintf(stderr, "isthmus-fhir: %s\n", what);
    return EXIT_FAILURE;
}

/* The position of the target called @name; the first one for NULL; -1: there is none. */
static long find_target(const struct conf *c, const char *name)
{
    for (size_t i = 0; i < settings_count(c); i++)
        if (!name || strcmp(conf_title(c, "target", i), name) == 0)
            return (long)i;
    return -1;
}

static int load_study(const struct conf *c, const char *uid, struct study **ret)
{
    struct db *db = NULL;
    int64_t key;
    int r = db_new_conf(c, "isthmus-fhir", &db);

    if (r >= 0)
        r = study_find(db, uid, &key);
    if (r >= 0)
        r = study_load(db, key, ret);
    (void)db_free(db);
    return r;
}

static int print(const struct mapping *m, const struct study *study)
{
    _cleanup_json_ json_t *bundle = NULL;
    _cleanup_free_ char *text = NULL;

    if (bundle_build(m, study, bundle_form(m, study), &bundle) < 0)
        return fail("the Study Instance UID is not a UID");
    text = bundle_text(bundle, true);
    return fputs(text, stdout) < 0 || fflush(stdout) != 0 ? fail("cannot write") : EXIT_SUCCESS;
}

int show_bundle(const struct conf *c, const char *study_instance_uid, const char *target,
                const char *release)
{
    long i = find_target(c, target);
    struct settings settings;
    struct study *study = NULL;
    _cleanup_free_ char *message = NULL;
    int r;

    if (i < 0)
        return fail("there is no such target");
    if (settings_read(c, (size_t)i, &settings, &message) < 0)
        return fail(message);
    if (release)
        settings.mapping.release = strcmp(release, "R4") == 0 ? RELEASE_R4 : RELEASE_R5;
    r = load_study(c, study_instance_uid, &study);
    if (r >= 0)
        r = print(&settings.mapping, study);
    else
        r = fail(r == -ENOENT ? "there is no such study" : "the database cannot be read");
    (void)study_free(study);
    settings_done(&settings);
    return r;
}
