/*
 * packed.c - epoll's interface
 *
 * Claim: struct epoll_event is 4 + 8 bytes, aligned as usual: 16
 * Truth: depends. On x86-64 it is packed into 12 bytes, so that 32-bit
 * programs have the same layout. Elsewhere it has 16 bytes. In an array, the
 * data of every other element is not aligned, so use the field itself and not
 * a pointer to it.
 * Settled by: epoll_event(3type); sys/epoll.h and bits/epoll.h of glibc;
 * include/uapi/linux/eventpoll.h, EPOLL_PACKED.
 * Try: &event.data.u64 as a pointer, and gcc's -Waddress-of-packed-member.
 */
#include "claim.h"

int main(void)
{
#ifdef __x86_64__
    const size_t size = 12, offset = 4;
#else
    const size_t size = 8 + sizeof(uint64_t), offset = 8;
#endif
    saw(sizeof(struct epoll_event) == size, "sizeof(struct epoll_event): %zu",
        sizeof(struct epoll_event));
    saw(offsetof(struct epoll_event, data) == offset, "offset of data: %zu",
        offsetof(struct epoll_event, data));
    return verdict("depends",
                   "struct epoll_event is 4 + 8 bytes, aligned as usual: 16",
                   "12 bytes, packed, on x86-64; 16 on other 64-bit machines");
}
