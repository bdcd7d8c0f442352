#include "store/order_file.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

Test(order_file, the_form_is_seen_from_the_bytes)
{
    static const struct {
        const char *text;
        enum order_form form;
    } rows[] = {
        {"\n# Dicom-Data-Set\n", ORDER_DUMP},
        {"(0008,0050) SH [A1]", ORDER_DUMP},
        {"{\"00100020\": {}}", ORDER_JSON},
        {" [ ]", ORDER_JSON},
        {"{\"resourceType\": \"Bundle\"}", ORDER_FHIR},
        {"\xef\xbb\xbf{}", ORDER_JSON},
        {"(0008,005", ORDER_DICOM},
        {"", ORDER_DICOM},
        {"nonsense", ORDER_DICOM},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_assert_eq(order_form(rows[i].text, strlen(rows[i].text)), rows[i].form, "row %zu", i);
}

static json_t *read_dump(const char *text)
{
    json_t *orders = NULL;
    char *problem = NULL;
    int r = order_file_read(ORDER_DUMP, text, strlen(text), &orders, &problem);

    cr_assert_eq(r, 0, "%s", problem);
    return orders;
}

static const json_t *element(const json_t *item, const char *tag)
{
    const json_t *value = json_object_get(json_object_get(item, tag), "Value");

    cr_assert_not_null(value, "%s", tag);
    return json_array_get(value, 0);
}

static const char dump[] =
    "\n# Dicom-File-Format\n\n# Dicom-Meta-Information-Header\n"
    "(0002,0010) UI =LittleEndianExplicit                    #  20, 1 TransferSyntaxUID\n\n"
    "# Dicom-Data-Set\n"
    "(0008,0005) CS [ISO_IR 100]                             #  10, 1 SpecificCharacterSet\n"
    "(0010,0010) PN [M\xfcller^J\xf6rg]                             #  12, 1 PatientName\n"
    "(0010,0020) LO [A] # B]                                 #   8, 1 PatientID\r\n"
    "(0010,2110) LO (no value available)                     #   0, 0 Allergies\n"
    "(0010,21c0) US 4                                        #   2, 1 PregnancyStatus\n"
    "(0040,0100) SQ (Sequence with undefined length #=1)     # u/l, 1 Steps\n"
    "  (fffe,e000) na (Item with undefined length #=2)         # u/l, 1 Item\n"
    "    (0008,0060) CS [CT]                                     #   2, 1 Modality\n"
    "    (0040,0001) AE [CT1\\CT2]                                #   8, 2 Stations\n"
    "    (0040,0008) SQ\n"
    "    (fffe,e000) -\n"
    "    (0008,0100) SH [X1]\n"
    "    (fffe,e00d) -\n"
    "    (fffe,e0dd) -\n"
    "  (fffe,e00d) na (ItemDelimitationItem)                   #   0, 0 ItemDelimitationItem\n"
    "(fffe,e0dd) na (SequenceDelimitationItem)               #   0, 0 SequenceDelimitationItem\n"
    "(0040,1001) SH [RP1]                                    #   4, 1 RequestedProcedureID\n"
    "(7fe0,0010) ow (no value available)                     #   0, 1 PixelData\n";

Test(order_file, the_text_of_dcmdump_and_of_dump2dcm_is_an_order)
{
    json_t *orders = read_dump(dump);
    const json_t *item = json_object_get(json_array_get(orders, 0), "attributes");
    const json_t *step = element(item, "00400100");

    cr_assert_str_eq(json_string_value(json_object_get(element(item, "00100010"), "Alphabetic")),
                     "Müller^Jörg");
    cr_assert_str_eq(json_string_value(element(item, "00100020")), "A] # B");
    cr_assert_str_eq(json_string_value(element(item, "00401001")), "RP1");
    cr_assert_str_eq(json_string_value(element(step, "00080060")), "CT");
    cr_assert_eq(json_array_size(json_object_get(json_object_get(step, "00400001"), "Value")), 2);
    cr_assert_str_eq(json_string_value(element(element(step, "00400008"), "00080100")), "X1");
    cr_assert_null(json_object_get(item, "00020010"));
    json_decref(orders);
}

Test(order_file, what_cannot_be_read_is_said_in_a_sentence)
{
    static const struct {
        enum order_form form;
        const char *text, *problem;
    } rows[] = {
        {ORDER_DUMP, "(0008,0050) SH [A1]\nnonsense\n",
         "line 2 is not an element as dcmdump prints it"},
        {ORDER_DUMP, "(0008,0050) SH [A1\n", "line 1 is not an element as dcmdump prints it"},
        {ORDER_DUMP, "(0040,0100) SQ\n(0008,0050) SH [A1]\n", NULL},
        {ORDER_JSON, "{\n\"a\": \x80}", "it is not JSON in UTF-8 from line 2 on"},
        {ORDER_JSON, "{\"a\": 1, \"a\": 2}", "it is not JSON in UTF-8 from line 1 on"},
        {ORDER_DICOM, "nonsense", "it is neither a DICOM file, nor the text of dcmdump, nor JSON"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *orders = NULL;
        char *problem = NULL;

        cr_assert_eq(
            order_file_read(rows[i].form, rows[i].text, strlen(rows[i].text), &orders, &problem),
            -EBADMSG, "row %zu", i);
        if (rows[i].problem)
            cr_assert_str_eq(problem, rows[i].problem, "row %zu", i);
        free(problem);
    }
}
