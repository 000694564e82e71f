/*
 * http_client.h - the request of a client thread of stage 11, and its check of
 * the reply.
 */
#ifndef IOMUX_HTTP_CLIENT_H
#define IOMUX_HTTP_CLIENT_H

struct client_protocol; /* client.h */

/* Sends GET /, and expects status 200 and a Content-Length. */
extern const struct client_protocol http_client;

#endif
