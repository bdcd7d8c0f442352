/* Every option of fhir {…} and target "name" {…}, with its range and default. */
#include "fhir/settings.h"

static const char *const request_statuses[] = {"unknown", "active", "completed", NULL};
static const char *const accession_places[] = {"R4", "always", NULL};
static const char *const differing[] = {"hold", "publish", NULL};
static const char *const expired[] = {"registered", "delete", NULL};
static const char *const releases[] = {"auto", "R5", "R4", NULL};
static const char *const orders_choices[] = {"none", "also", "only", NULL};
static const char *const identities[] = {"id", "search", NULL};
static const char *const patient_modes[] = {"create", "existing", "logical", "update", NULL};
static const char *const request_modes[] = {"create", "existing", "logical", NULL};
static const char *const levels[] = {"auto", "full", "series", NULL};
static const char *const contained[] = {"auto", "on", "off", NULL};
static const char *const authentications[] = {"none", "bearer", "basic", "smart", NULL};

#define URI(name, help)                                                                            \
    {                                                                                              \
        name, CONF_STRING, NULL, 1, 2000, NULL, NULL, help                                         \
    }
#define TEXT(name, help)                                                                           \
    {                                                                                              \
        name, CONF_STRING, NULL, 1, 4096, NULL, NULL, help                                         \
    }
#define SWITCH(name, fallback, help)                                                               \
    {                                                                                              \
        name, CONF_BOOL, fallback, 0, 0, NULL, NULL, help                                          \
    }
#define CHOICE(name, fallback, choices, help)                                                      \
    {                                                                                              \
        name, CONF_CHOICE, fallback, 0, 0, choices, NULL, help                                     \
    }
#define SECONDS(name, fallback, min, max, help)                                                    \
    {                                                                                              \
        name, CONF_INT, fallback, min, max, NULL, "seconds", help                                  \
    }
#define PAIRS(name, help)                                                                          \
    {                                                                                              \
        name, CONF_LIST, "{}", 3, 2000, NULL, NULL, help                                           \
    }

static const struct conf_option fhir_options[] = {
    URI("default_system_patient",
        "URI of the Patient IDs of this site, for those that name no issuer. Mandatory."),
    URI("default_system_accession",
        "URI of the accession numbers of this site, for those that name no issuer. Mandatory."),
    URI("default_system_placer", "URI of placer order numbers without an issuer."),
    URI("default_system_filler", "URI of filler order numbers without an issuer."),
    URI("default_system_requested_procedure", "URI of Requested Procedure IDs."),
    URI("default_system_specimen", "URI of specimen identifiers without an issuer."),
    URI("default_system_staff", "URI of staff identifiers without a known coding scheme."),
    URI("default_system_study_id", "URI of Study IDs, if they are unique at this site."),
    URI("default_system_location", "URI of location names; they become Locations of their own."),
    PAIRS("issuer_map", "Issuers and their URIs: {\"RIS1=http://hospital.example/ris\"}."),
    URI("issuer_template", "URI for other issuers, with {local} for the local namespace."),
    PAIRS("code_system_map", "Coding scheme designators and their URIs: {\"99ABC=http://…\"}."),
    URI("code_system_template", "URI for other coding schemes, with {designator}."),
    URI("publisher_system", "URI of identifiers that the publisher gives itself."),
    TEXT("time_zone", "IANA zone of times without an offset: \"Europe/Berlin\"."),
    PAIRS("time_zone_of_sender", "The same by calling AE title: {\"CT1=Asia/Kolkata\"}."),
    {"patient_identifier_type", CONF_STRING, "MR", 1, 20, NULL, NULL,
     "Type of Patient IDs, a code of v2-0203, or none."},
    CHOICE("request_status", "unknown", request_statuses,
           "ServiceRequest.status; DICOM does not say it."),
    CHOICE("accession_in_identifier", "R4", accession_places,
           "Whether ImagingStudy.identifier has accession numbers in R5 too."),
    SWITCH("ethnicity", "true", "Publish Ethnic Group as the US Core extension."),
    SWITCH("roles", "false", "Write PractitionerRole where an institution is named."),
    SWITCH("orphan_observations", "false", "Publish weight, size, age without a Patient ID."),
    CHOICE("patient_differs", "hold", differing,
           "What to do with a study whose images name several patients."),
    SWITCH("show_quality_rejected", "false",
           "Publish instances that were rejected for quality reasons."),
    SWITCH(
        "publish_unauthorised", "true",
        "Publish originals that are not authorized for diagnostic use (SOP Instance Status OR)."),
    CHOICE("retention_expired", "registered", expired,
           "What becomes of a study whose instances were all rejected because retention expired."),
    URI("extension_base", "URL in front of /sop-instance-status and /instance-availability, our "
                          "extensions; without it there are none."),
    URI("imaging_study_profile", "URL for meta.profile of ImagingStudy."),
    {"order_state_system", CONF_STRING, "urn:isthmus:order-state", 1, 2000, NULL, NULL,
     "URI of the codes in meta.tag of studies whose order or patient is not certain, or none."},
    URI("dicomweb_url", "Base URL of the DICOMweb service that has the images; none: no Endpoint."),
    {"dicomweb_connections", CONF_LIST, "{\"dicom-wado-rs\"}", 1, 2000, NULL, NULL,
     "Its connection types: dicom-wado-rs, dicom-qido-rs, dicom-stow-rs, dicom-wado-uri, ihe-iid; "
     "one with an address of its own: {\"dicom-wado-uri=https://…\"}."},
    {0},
};

static const struct conf_option target_options[] = {
    TEXT("url", "Base URL of the FHIR server: \"https://fhir.hospital.example/r5\"."),
    TEXT("directory", "Instead of a server: a directory that gets one file per study."),
    CHOICE("release", "auto", releases,
           "FHIR release; auto: what the server says (directory: R5)."),
    CHOICE("identity", "id", identities,
           "search: the server does not take ids from clients; ours are found by identifier."),
    CHOICE("patient", "create", patient_modes, "How the Patient is written."),
    CHOICE("request", "create", request_modes, "How the ServiceRequest is written."),
    CHOICE("self_contained", "auto", contained,
           "Write the Endpoint into every Bundle (auto: for a directory)."),
    CHOICE("instance_level", "auto", levels, "auto: list instances up to instance_limit."),
    {"instance_limit", CONF_INT, "2000", 0, 1000000, NULL, "instances",
     "Largest study whose instances are listed one by one; so many sources of conversions are, "
     "too."},
    URI("dicomweb_url", "Instead of that of fhir, for readers of this server; none: no Endpoint."),
    {"dicomweb_connections", CONF_LIST, "{}", 1, 2000, NULL, NULL, "Instead of those of fhir."},
    SECONDS("quiet_period", "10", 0, 86400, "A study is sent when it has not changed for so long."),
    SECONDS("longest_delay", "300", 0, 604800,
            "A study that keeps changing is sent after so long."),
    {"senders", CONF_INT, "1", 1, 32, NULL, "processes", "How many send to this target at once."},
    SECONDS("pause_max", "60", 1, 86400, "Longest time between two trials while it is away."),
    SECONDS("retry_max", "900", 1, 604800, "Longest time between two trials of one study."),
    SECONDS("connect_timeout", "10", 1, 600, "For a connection with TLS."),
    SECONDS("timeout", "120", 1, 86400, "For a whole request."),
    CHOICE("orders", "none", orders_choices,
           "also: orders for the worklist are read from this server too; only: nothing else."),
    SECONDS("orders_interval", "30", 1, 86400, "Time between two looks for orders."),
    TEXT("orders_query",
         "Search parameters of ServiceRequest for imaging orders: \"category=363679005\"."),
    SECONDS(
        "orders_overlap", "60", 0, 86400,
        "A look begins so long before the last change that was seen; servers may show one late."),
    SECONDS(
        "orders_check_interval", "600", 0, 31536000,
        "Open orders are read again so often, 50 with each look: what was deleted on the server "
        "or missed is noticed."),
    SWITCH("orders_patient_data", "true",
           "Read weight, height, pregnancy and allergies of the patients of orders, too."),
    {"answer_max", CONF_INT, "16777216", 1024, 1073741824, NULL, "bytes",
     "How much of an answer is read."},
    SWITCH("compress", "false", "Send gzip; the server must take it."),
    SWITCH("accept_version", "false", "Name the release in the media types."),
    CHOICE("authentication", "none", authentications,
           "bearer: token_file; basic: user, password_file; smart: SMART Backend Services."),
    TEXT("token_file", "File with the bearer token; read again when it changes."),
    TEXT("user", "User for basic authentication."),
    TEXT("password_file", "File with its password."),
    TEXT("client_certificate", "PEM file with our certificate, for mutual TLS."),
    TEXT("client_key", "PEM file with its private key."),
    TEXT("ca_file", "PEM file with the authorities to trust; otherwise those of the system."),
    TEXT("smart_client_id", "Our client id at the authorization server."),
    TEXT("smart_key_file", "PEM file with our private key: RSA (RS384) or P-384 (ES384)."),
    TEXT("smart_key_id", "The kid under which our public key is registered."),
    {"smart_scope", CONF_STRING,
     "system/ImagingStudy.cud system/Observation.cud system/Provenance.cud system/Endpoint.cud "
     "system/Patient.crs system/ServiceRequest.crs system/Practitioner.crs system/Specimen.crs "
     "system/Location.crs system/Organization.crs",
     1, 4096, NULL, NULL, "Scopes to ask for when publishing."},
    {"smart_scope_orders", CONF_STRING,
     "system/ServiceRequest.rs system/Patient.rs system/Encounter.rs system/Appointment.rs "
     "system/Task.rs system/Practitioner.rs system/PractitionerRole.rs system/Organization.rs "
     "system/Location.rs system/Device.rs system/HealthcareService.rs system/Observation.rs "
     "system/AllergyIntolerance.rs",
     1, 4096, NULL, NULL, "Scopes to ask for when reading orders."},
    TEXT("smart_token_url", "Token endpoint; otherwise from .well-known/smart-configuration."),
    {0},
};

const struct conf_section settings_fhir = {.name = "fhir", .options = fhir_options};
const struct conf_section settings_target = {
    .name = "target", .titled = true, .options = target_options};
