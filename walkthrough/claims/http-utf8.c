/*
 * http-utf8.c - well-known samples
 *
 * Claim: a request is text
 * Truth: false. It consists of bytes from a client. The well-known Python
 * server, of which this program is a version in C, decodes each request as
 * UTF-8 to print it. One byte that is not UTF-8 ends the server: the second of
 * four ways to stop it. Treat bytes as bytes, and escape them to print them.
 * Settled by: mbstowcs(3), EILSEQ; Python's UnicodeDecodeError.
 * Try: send the same byte to a stage. What does it print?
 */
#include "sample.h"

#include <locale.h>
#include <wchar.h>

/* The loop of the sample. Returns an errno, which is the end of the server. */
static int serve(int listen_fd)
{
    char request[200];
    wchar_t text[200];
    for (;;) {
        int fd = accept(listen_fd, NULL, NULL);
        ssize_t n = recv(fd, request, sizeof(request) - 1, 0);
        request[n > 0 ? n : 0] = '\0';
        if (mbstowcs(text, request, 200) == (size_t)-1)
            return errno; /* the exception that is not caught */
        send(fd, "HTTP/1.0 200 OK\r\n\r\n", 19, MSG_NOSIGNAL);
        close(fd);
    }
}

int main(void)
{
    struct place place;
    char reply[100];
    if (setlocale(LC_ALL, "C.UTF-8") == NULL)
        not_tried("this C library has no locale C.UTF-8");
    int listen_fd = listen_somewhere(&place, 5);
    pid_t server = start_child(serve, listen_fd);
    close(listen_fd);

    int good_fd = must(connect_to(&place), "connect");
    send(good_fd, "GET /\xc3\xa4 HTTP/1.0\r\n\r\n", 20, MSG_NOSIGNAL);
    struct pollfd entry = {.fd = good_fd, .events = POLLIN};
    poll(&entry, 1, -1);
    ssize_t n = recv(good_fd, reply, sizeof(reply), 0);
    saw(n == 19, "a request in UTF-8: a reply of %zd bytes", n);

    int bad_fd = must(connect_to(&place), "connect");
    send(bad_fd, "GET /\xff HTTP/1.0\r\n\r\n", 19, MSG_NOSIGNAL);
    int error = end_of(server);
    saw(error == EILSEQ, "a request with a byte 0xff; the server ends: %s",
        error_name(error));
    int next_fd = connect_to(&place);
    saw(next_fd < 0 && errno == ECONNREFUSED, "the next client: %s",
        error_name(next_fd < 0 ? errno : 0));

    struct sample sample = start_sample("http_server.py", "0", "13");
    bad_fd = must(connect_to_sample(&sample), "connect");
    send(bad_fd, "GET /\xff HTTP/1.0\r\n\r\n", 19, MSG_NOSIGNAL);
    saw(sample_prints(&sample, "UnicodeDecodeError") && end_of(sample.pid) == 1,
        "the server in Python ends: UnicodeDecodeError");
    return verdict("false", "a request is text",
                   "one byte that is not UTF-8: EILSEQ ends the server, the "
                   "next client is refused");
}
