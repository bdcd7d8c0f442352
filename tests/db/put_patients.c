/* Several patients in one study: found whatever the order in which the instances arrive. */
#include "tests/db/database.h"
#include "tests/db/sample.h"

#define MOST 4

static struct database d;

static void setup(void)
{
    d = make_database();
}

static void teardown(void)
{
    drop_database(&d);
}

TestSuite(put_patients, .init = setup, .fini = teardown, .timeout = 600);

struct person {
    const char *id, *issuer, *universal, *name, *birth; /* NULL: not said */
};

static void set(json_t *attributes, const char *tag, const char *vr, json_t *value)
{
    (void)json_object_set_new(attributes, tag, json_pack("{s:s,s:[o]}", "vr", vr, "Value", value));
}

static char *module_of(const struct person *p)
{
    json_t *a = json_object(), *item = json_object();
    char *text;

    if (p->id)
        set(a, "00100020", "LO", json_string(p->id));
    if (p->issuer)
        set(a, "00100021", "LO", json_string(p->issuer));
    if (p->universal) {
        set(item, "00400032", "UT", json_string(p->universal));
        set(a, "00100024", "SQ", json_incref(item));
    }
    if (p->name)
        set(a, "00100010", "PN", json_pack("{s:s}", "Alphabetic", p->name));
    if (p->birth)
        set(a, "00100030", "DA", json_string(p->birth));
    text = json_dumps(a, 0);
    json_decref(item);
    json_decref(a);
    return text;
}

/* The next order of @n indices, as a dictionary sorts them; false after the last. */
static bool next_order(int *order, int n)
{
    int i = n - 2, j = n - 1, swap;

    while (i >= 0 && order[i] > order[i + 1])
        i--;
    if (i < 0)
        return false;
    while (order[j] < order[i])
        j--;
    swap = order[i], order[i] = order[j], order[j] = swap;
    for (i++, j = n - 1; i < j; i++, j--)
        swap = order[i], order[i] = order[j], order[j] = swap;
    return true;
}

/* Store a study of @people in this order and expect what the study says and, unless NULL, its
 * patient. */
static void check_order(const struct person *people, const int *order, int n, const char *differs,
                        const char *patient)
{
    static int studies;
    char study[16], sop[32], sql[300];

    (void)snprintf(study, sizeof study, "2.%d", ++studies);
    for (int i = 0; i < n; i++) {
        char *module = module_of(&people[order[i]]);
        struct sample s = {.sop = sop, .study = study, .series = "3.1", .attributes = {module}};

        (void)snprintf(sop, sizeof sop, "1.%d.%d", studies, i);
        put(d.db, &s, (uint64_t)(studies * 10 + i), INDEX_STORED);
        free(module);
    }
    (void)snprintf(sql, sizeof sql,
                   "select patient_differs from isthmus.study where study_instance_uid = '%s'",
                   study);
    cr_assert_answer(d.db, sql, differs);
    (void)snprintf(sql, sizeof sql,
                   "select patient_id || '@' || issuer_of_patient_id from isthmus.study join "
                   "isthmus.patient using (patient_key) where study_instance_uid = '%s'",
                   study);
    if (patient)
        cr_assert_answer(d.db, sql, patient);
}

static const struct {
    struct person people[MOST];
    int n;
    const char *differs, *patient;
} rows[] = {
    /* IDs and issuers */
    {{{.id = "A"}, {.id = "B"}}, 2, "t", NULL},
    {{{.id = "A"}, {.id = "A", .issuer = "X"}}, 2, "f", "A@X"},
    {{{.id = "A"}, {.id = "A", .issuer = "X"}, {.id = "A", .issuer = "Y"}}, 3, "t", NULL},
    {{{.id = "A", .issuer = "X"}, {.id = "A", .universal = "1.2"}}, 2, "f", "A@X"},
    {{{.id = "A"}, {.id = "A", .universal = "1.2"}}, 2, "f", "A@1.2"},
    {{{.id = "A"}, {.id = "A", .universal = "1.2"}, {.id = "A", .universal = "1.3"}}, 3, "t", NULL},
    {{{.id = "A", .issuer = "X", .universal = "1.2"},
      {.id = "A", .issuer = "X"},
      {.id = "A", .issuer = "X", .universal = "1.3"}},
     3,
     "t",
     NULL},
    {{{.id = "A", .issuer = "X", .universal = "1.2"},
      {.id = "A", .universal = "1.2"},
      {.id = "A", .issuer = "X"},
      {.id = "A"}},
     4,
     "f",
     "A@X"},
    /* no ID at all */
    {{{.name = "Doe^Jane"}, {.name = "Roe^Jane"}}, 2, "t", "@"},
    {{{.name = "Doe^Jane"}, {.name = "DOE^JANE"}, {.birth = "19700101"}}, 3, "f", "@"},
    {{{.name = "Doe^Jane"}, {.birth = "19700101"}, {.birth = "19700102"}}, 3, "t", "@"},
    {{{.name = "Doe^Jane", .birth = "19700101"}, {.name = "Doe^Jane", .birth = "19700102"}},
     2,
     "t",
     "@"},
    /* some with an ID */
    {{{.name = "Unknown"}, {.id = "A", .name = "Doe^Jane"}}, 2, "f", "A@"},
    {{{.name = "Unknown"}, {.id = "A", .issuer = "X"}, {.name = "UNKNOWN"}}, 3, "f", "A@X"},
    {{{.name = "Unknown"}, {.id = "A"}, {.name = "Doe^Jane"}}, 3, "t", "A@"},
    {{{.name = "Unknown"}, {.id = "A"}, {.id = "B"}}, 3, "t", NULL},
    /* one ID, other names and birth dates */
    {{{.id = "A", .name = "Doe^Jane"}, {.id = "A", .name = "Roe^Jane"}}, 2, "f", "A@"},
    {{{.id = "A", .name = "Doe", .birth = "19700101"},
      {.id = "A", .name = "Roe", .birth = "19700101"},
      {.id = "A", .name = "Poe"}},
     3,
     "f",
     "A@"},
    {{{.id = "A", .name = "Doe", .birth = "19700101"},
      {.id = "A", .name = "Doe", .birth = "19800101"}},
     2,
     "f",
     "A@"},
    {{{.id = "A", .name = "Doe", .birth = "19700101"},
      {.id = "A", .name = "Roe", .birth = "19800101"}},
     2,
     "t",
     "A@"},
    {{{.id = "A", .name = "Doe", .birth = "19700101"},
      {.id = "A", .name = "Roe", .birth = "19700101"},
      {.id = "A", .name = "Roe", .birth = "19800101"},
      {.id = "A"}},
     4,
     "t",
     "A@"},
};

Test(put_patients, patients_differ_or_not_in_every_order_of_arrival)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int order[MOST] = {0, 1, 2, 3};

        do
            check_order(rows[i].people, order, rows[i].n, rows[i].differs, rows[i].patient);
        while (next_order(order, rows[i].n));
    }
}

Test(put_patients, so_many_names_are_not_of_one_person)
{
    char name[16];
    struct person p = {.id = "A", .name = name};

    for (int i = 0; i < 65; i++) {
        char *module, sop[16];
        struct sample s = {.sop = sop, .study = "2.1", .series = "3.1"};

        cr_assert(i == 0 || *ask(d.db, "select patient_differs from isthmus.study") == 'f');
        (void)snprintf(name, sizeof name, "Doe^%d", i);
        (void)snprintf(sop, sizeof sop, "1.%d", i);
        s.attributes[LEVEL_PATIENT] = module = module_of(&p);
        put(d.db, &s, (uint64_t)i + 1, INDEX_STORED);
        free(module);
    }
    cr_assert_answer(d.db, "select patient_differs from isthmus.study", "t");
}
