#include "fhir/transport.h"

void transport_apply(const struct delivery *d, CURL *curl)
{
    (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_USERAGENT, "isthmus-fhir/" ISTHMUS_VERSION);
    (void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)d->connect_timeout_s);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)d->timeout_s);
    if (d->client_certificate)
        (void)curl_easy_setopt(curl, CURLOPT_SSLCERT, d->client_certificate);
    if (d->client_key)
        (void)curl_easy_setopt(curl, CURLOPT_SSLKEY, d->client_key);
    if (d->ca_file)
        (void)curl_easy_setopt(curl, CURLOPT_CAINFO, d->ca_file);
}
