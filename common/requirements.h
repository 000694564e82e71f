/*
 * requirements.h - the systems that iomux supports. The Makefile preprocesses
 * this file once, before it compiles anything, so that the user of another
 * system sees one sentence instead of a page of errors. No file includes it.
 *
 * glibc has strerrorname_np, pthread_cond_clockwait, sem_clockwait and
 * close_range from version 2.34 on. Debian 12, Ubuntu 22.04 and Fedora 35 have
 * it or a later one. Other C libraries lack at least one of the functions.
 */
#ifndef __linux__
#error "iomux needs Linux: epoll, accept4 and /proc exist nowhere else"
#elif __has_include(<features.h>)
#include <features.h>
#endif

#ifndef __GLIBC__
#error "iomux needs the GNU C library, and this compiler uses another"
#elif __GLIBC__ == 2 && __GLIBC_MINOR__ < 34
#error "iomux needs glibc 2.34 or later: Debian 12, Ubuntu 22.04"
#elif !__has_include(<linux/close_range.h>)
#error "iomux needs the headers of Linux 5.9 or later: install linux-libc-dev"
#endif
