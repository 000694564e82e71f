/*
 * http_client.h - what a client thread of stage 11 asks, and what it expects.
 */
#ifndef IOMUX_HTTP_CLIENT_H
#define IOMUX_HTTP_CLIENT_H

struct client_protocol; /* client.h */

/* GET /, and a reply with status 200 and a Content-Length. */
extern const struct client_protocol http_client;

#endif
