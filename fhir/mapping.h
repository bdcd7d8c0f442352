/* What a site decides about the mapping, for one target: plain values, filled from the
 * configuration by settings.c. Building depends on nothing else but the study. */
#ifndef ISTHMUS_FHIR_MAPPING_H
#define ISTHMUS_FHIR_MAPPING_H

#include "fhir/release.h"

#include <stdbool.h>
#include <stddef.h>

/* "key=value" texts as in the configuration. */
struct map {
    const char *const *entries;
    size_t n;
};

/* Kinds of identifiers that may have a default system (mapping 2.6). */
enum kind {
    KIND_PATIENT,
    KIND_ACCESSION,
    KIND_PLACER,
    KIND_FILLER,
    KIND_REQUESTED_PROCEDURE,
    KIND_SPECIMEN,
    KIND_STAFF,
    KIND_STUDY_ID,
    KIND_LOCATION,
    KIND_COUNT
};

/* How a resource that may belong to somebody else is written (mapping 5.1, 5.2). */
enum mode {
    MODE_CREATE,   /* conditional create */
    MODE_EXISTING, /* conditional reference: must be there */
    MODE_LOGICAL,  /* only named by its identifier */
    MODE_UPDATE,   /* conditional update (Patient) */
};

/* How much of a study is listed (mapping 10), in falling size. */
enum form { FORM_FULL, FORM_SERIES, FORM_STUDY };

struct mapping {
    enum release release;
    bool search_identity; /* the server gives the ids; ours are found by identifier */
    enum mode patient, request;
    bool self_contained; /* the Endpoints stand in every Bundle */
    enum form level;     /* the largest form that may be used … */
    size_t full_limit;   /* … and up to how many instances FORM_FULL is */

    const char *systems[KIND_COUNT]; /* NULL: none */
    struct map issuers, code_systems, zones;
    const char *issuer_template, *code_template; /* with {local}, {designator}; or NULL */
    const char *publisher_system;
    const char *zone;         /* of the site, or NULL */
    const char *patient_type; /* code of v2-0203, or NULL */
    const char *request_status;
    const char *study_profile;      /* meta.profile of ImagingStudy, or NULL */
    const char *order_state_system; /* of meta.tag, or NULL: no such tags */
    const char *server_url;         /* base of the server the Bundle goes to, or NULL */
    bool accession_always;          /* accession number in identifier in R5 too */
    bool ethnicity, roles, orphan_observations;
    bool hold_patient_differs;
    bool show_quality_rejected; /* what was rejected for quality reasons stays visible */
    bool hide_unauthorised;     /* originals that are not authorized for diagnostic use */
    bool delete_expired;        /* a study whose retention expired is deleted on the server */
    const char *extension_base; /* URL of our extensions without the last part, or NULL */

    const char *dicomweb_url;                /* NULL: no Endpoint */
    const char *const *dicomweb_connections; /* "dicom-wado-rs", "dicom-wado-uri=https://…" */
    size_t n_dicomweb_connections;
};

/* The value of @key (compared without regard to case), or NULL. Lives as long as @m. */
const char *map_get(const struct map *m, const char *key);

/* IANA zone of the sending station or the site, or NULL. */
const char *mapping_zone(const struct mapping *m, const char *sender);

#endif
