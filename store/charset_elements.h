/* The code elements behind Specific Character Set (PS3.3 tables C.12-2 to C.12-5). */
#ifndef ISTHMUS_STORE_CHARSET_ELEMENTS_H
#define ISTHMUS_STORE_CHARSET_ELEMENTS_H

/* One per defined term; each is what its escape sequence brings in. */
enum code_element {
    NONE, /* only G0 = ASCII */
    IR_100,
    IR_101,
    IR_109,
    IR_110,
    IR_144,
    IR_127,
    IR_126,
    IR_138,
    IR_148,
    IR_166,
    IR_203,
    IR_13,
    IR_87,
    IR_159,
    IR_149,
    IR_58,
    UTF_8,
    GB_18030,
    GBK,
    ELEMENT_COUNT
};

enum code_shape {
    SINGLE,   /* one byte, A0H to FFH */
    JAPANESE, /* Shift JIS: half-width katakana, and the kanji that many senders add */
    IN_G0,    /* two bytes of 21H to 7EH */
    PAIR,     /* two bytes of A1H to FEH */
    CHINESE,  /* two or four bytes, no extensions */
    UNICODE,  /* UTF-8, no extensions */
};

struct code_set {
    const char *digits;     /* the term without "ISO_IR" or "ISO 2022 IR" */
    const char *iconv_name; /* NULL: no characters from 80H on, or UTF-8 */
    const char *escape;     /* what follows ESC; NULL: no code extensions */
    enum code_shape shape;
};

extern const struct code_set code_elements[ELEMENT_COUNT];

#endif
