/* What a server's answer means: the only table from HTTP to what we do (mapping 9.2). Pure. */
#ifndef ISTHMUS_FHIR_ANSWER_H
#define ISTHMUS_FHIR_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

/* In rising order of how bad it is: of a transaction that a server processed entry by entry,
 * the worst counts. */
enum verdict {
    VERDICT_DONE,
    VERDICT_SOON,    /* a race on the server: again soon, a few times */
    VERDICT_LATER,   /* temporary; it may be this study or the server */
    VERDICT_WAIT,    /* the server is away or asks to wait: the whole target rests */
    VERDICT_SMALLER, /* too large: the next smaller form */
    VERDICT_NEVER,   /* this study will not be taken as it is: park it */
    VERDICT_REFUSED, /* the server takes nothing from us: the target rests, a person must look */
};

struct answer {
    enum verdict verdict;
    int status;        /* of HTTP; 0: none, or the answer is our own */
    int retry_after_s; /* what the server asked for; 0: nothing */
    char *reason;      /* short, without data of the study: may be logged */
    char *words;       /* the server's own words; never logged; or NULL */
};

/* How the request ended. */
struct reply {
    int status;          /* of HTTP; 0: there was no answer */
    bool sent;           /* no answer, but the server may have seen the request */
    const char *trouble; /* no answer: why, static text */
    int retry_after_s;   /* 0: not said */
    const char *body;    /* or NULL; ends with NUL */
    const char *etag;    /* ETag as it came, or NULL */
    int64_t date_s;      /* Date, in seconds since 1970; 0: not said */
};

/* The meaning of @reply to a transaction Bundle, a PUT or a GET. */
void answer_of(const struct reply *reply, struct answer *ret);

/* An answer of our own, as if by printf. */
void answer_make(struct answer *ret, enum verdict verdict, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The answer to $validate: VERDICT_DONE, VERDICT_NEVER with the server's words when it finds an
 * error, or what keeps it from looking. */
void answer_of_validation(const struct reply *reply, struct answer *ret);
void answer_done(struct answer *a);

#endif
