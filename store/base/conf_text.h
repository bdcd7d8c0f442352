/* The text of a configuration file before libconfuse reads it. Pure. */
#ifndef ISTHMUS_STORE_BASE_CONF_TEXT_H
#define ISTHMUS_STORE_BASE_CONF_TEXT_H

/* Overwrite each comment of @text (#, //, C style) with spaces, keeping the line ends, and see that
 * braces and quotes are closed. NULL, or what is wrong and @ret_line where. */
const char *conf_text_prepare(char *text, int *ret_line);

#endif
