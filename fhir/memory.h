/* Memory for building. A resource that lost an element for want of memory must never be sent, so
 * building does not report ENOMEM: the sending process ends, its parent starts another, and the
 * study is still in the outbox. */
#ifndef ISTHMUS_FHIR_MEMORY_H
#define ISTHMUS_FHIR_MEMORY_H

#include <stddef.h>

/* Make jansson use the functions below. Once, before any JSON is made. */
void memory_begin(void);

/* As malloc, realloc, strndup and asprintf, but abort() instead of failing. */
void *memory_new(size_t n_bytes);
void *memory_resize(void *old, size_t n_bytes);
char *memory_text(const char *text, size_t n_bytes);
char *memory_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
