/* Text as it is compared: so that Müller, MULLER and muller are one, and full width letters are
 * their plain ones. Queries fold what they look for with the same functions. Pure. */
#ifndef ISTHMUS_STORE_FOLD_H
#define ISTHMUS_STORE_FOLD_H

/* Compatibility forms, case and accents away (Unicode NFKC after stripping marks, case folded),
 * runs of spaces one space, none at the ends. malloc'ed; NULL: no memory or not UTF-8. */
char *fold_text(const char *utf8);

/* The same for a PN (PS3.5 section 6.2): also spaces around ^ and = and empty components and groups
 * at the ends go, so that "Doe ^John^^" is "doe^john". */
char *fold_name(const char *utf8);

#endif
