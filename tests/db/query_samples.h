/* Three patients and four studies for the tests of queries. */
#ifndef ISTHMUS_TESTS_DB_QUERY_SAMPLES_H
#define ISTHMUS_TESTS_DB_QUERY_SAMPLES_H

#include "tests/db/query_help.h"
#include "tests/db/sample.h"

#define UID "0020000D"
#define SOP "00080018"

static const struct query_options study_root = {.root = QUERY_STUDY_ROOT,
                                                .retrieve_ae_title = "ISTHMUS"};
static const struct query_options relational = {.root = QUERY_STUDY_ROOT, .relational = true};
static const struct query_options patient_study_only = {.root = QUERY_PATIENT_STUDY_ONLY,
                                                        .relational = true};
static const struct query_options patient_root = {.root = QUERY_PATIENT_ROOT};

#define NAME(groups) "\"00100010\":{\"vr\":\"PN\",\"Value\":[{" groups "}]}"
#define TEXT(tag, vr, value) "\"" tag "\":{\"vr\":\"" vr "\",\"Value\":[\"" value "\"]}"
#define REQUEST(accession, procedure)                                                              \
    "\"00400275\":{\"vr\":\"SQ\",\"Value\":[{" TEXT("00080050", "SH", accession) "," TEXT(         \
        "00401001", "SH", procedure) "}]}"

/* Three patients, four studies 1 2 3 4; study 1 has two series, of which 1.1 has two instances. */
static const struct sample population[] = {
    {.sop = "1.1.1",
     .study = "1",
     .series = "1.1",
     .bytes = 1,
     .attributes =
         {"{" NAME("\"Alphabetic\":\"Müller^Zoë\"") "," TEXT("00100020", "LO", "A-1") "," TEXT(
              "00100021", "LO", "HOSPITAL") "," TEXT("00100030", "DA",
                                                     "19700131") "," TEXT("00100040", "CS",
                                                                          "F") "}",
          "{" TEXT("00080020", "DA", "20260131") "," TEXT("00080030", "TM", "1305") "," TEXT(
              "00080050", "SH", "ACC_1%") "," TEXT("00081030", "LO",
                                                   "Head's \\\"CT\\\"") "," TEXT("00401001", "SH",
                                                                                 "RP1") "}",
          "{" TEXT("00080060", "CS", "CT") "," TEXT("00200011", "IS", "1") "," REQUEST(
              "ACC_1%", "RP1") "," TEXT("00181030", "LO", "routine") "}",
          "{" TEXT("00200013", "IS", "1") "}"}},
    {.sop = "1.1.2",
     .study = "1",
     .series = "1.1",
     .bytes = 2,
     .attributes = {"{" NAME("\"Alphabetic\":\"Müller^Zoë\"") "," TEXT("00100020", "LO", "A-1") "}",
                    "{" TEXT("00080020", "DA", "20260131") "," TEXT("00080050", "SH", "ACC_1%") "}",
                    "{" TEXT("00080060", "CS", "CT") "," TEXT("00200011", "IS", "1") "," TEXT(
                        "00181030", "LO", "delayed") "}",
                    "{" TEXT("00200013", "IS", "2") "," TEXT("00080008", "CS", "DERIVED") "}"}},
    {.sop = "1.2.1",
     .study = "1",
     .series = "1.2",
     .bytes = 3,
     .attributes = {"{" NAME("\"Alphabetic\":\"Müller^Zoë\"") "," TEXT("00100020", "LO", "A-1") "}",
                    "{" TEXT("00080050", "SH", "ACC_1%") "}",
                    "{" TEXT("00080060", "CS", "SR") "," TEXT("00200011", "IS", "2") "}", "{}"},
     .sop_class = "1.2.840.10008.5.1.4.1.1.88.11"},
    {.sop = "2.1.1",
     .study = "2",
     .series = "2.1",
     .bytes = 4,
     .attributes = {"{" NAME("\"Alphabetic\":\"Müller^Zoë\"") "," TEXT(
                        "00100020", "LO", "A-1") "," TEXT("00100021", "LO", "HOSPITAL") "}",
                    "{" TEXT("00080020", "DA", "20260201") "," TEXT(
                        "00080030", "TM", "0800") "," TEXT("00080050", "SH", "ACCX10") "}",
                    "{" TEXT("00080060", "CS", "MR") "," TEXT("00200011", "IS", "1") "}", "{}"}},
    {.sop = "3.1.1",
     .study = "3",
     .series = "3.1",
     .bytes = 5,
     .attributes =
         {"{" NAME(
              "\"Alphabetic\":\"Yamada^Tarou\",\"Ideographic\":\"山田^太郎\","
              "\"Phonetic\":\"やまだ^たろう\"") "," TEXT("00100020", "LO",
                                                         "A-1") "," TEXT("00100021", "LO",
                                                                         "OTHER") "}",
          "{" TEXT("00080020", "DA", "20260201") "}", "{" TEXT("00080060", "CS", "CT") "}", "{}"}},
    {.sop = "4.1.1",
     .study = "4",
     .series = "4.1",
     .bytes = 6,
     .attributes = {"{" NAME("\"Alphabetic\":\"SMITH\"") "}",
                    "{" TEXT("00081030", "LO", "100%_\\\\") "}",
                    "{" TEXT("00080060", "CS", "CT") "}", "{}"}},
};

static struct database made;

static inline void fill(void)
{
    made = make_database();
    for (size_t i = 0; i < sizeof population / sizeof *population; i++)
        put(made.db, &population[i], i + 1, INDEX_STORED);
}

static inline void empty(void)
{
    drop_database(&made);
}

#endif
