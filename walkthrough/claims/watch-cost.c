/*
 * watch-cost.c - limits and costs
 *
 * Claim: a registration costs 160 bytes of kernel memory
 * Truth: depends on the version. epoll(7) gives 160 bytes for a 64-bit kernel,
 * which is outdated. At boot the kernel computes max_user_watches, the
 * limit of one user: 4 % of the memory, divided by the cost. So the program
 * computes the cost from the limit. Linux 6.18 needs 184 bytes on x86-64.
 * Settled by: epoll(7), /proc interfaces; fs/eventpoll.c, eventpoll_init().
 * Try: print cost. As root, compare it with the sizes in /proc/slabinfo.
 */
#include "claim.h"

/* Reads the first number of a file behind the word, or returns 0. */
static long long read_number(const char *path, const char *word)
{
    char line[200];
    long long number = 0;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        not_tried("max_user_watches or meminfo cannot be read");
    while (number == 0 && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, word, strlen(word)) == 0)
            number = atoll(line + strlen(word));
    }
    fclose(file);
    return number;
}

int main(void)
{
    if (sizeof(long) != 8)
        not_tried("this is not a 64-bit system");
    long long limit = read_number("/proc/sys/fs/epoll/max_user_watches", "");
    long long memory = 1024 * read_number("/proc/meminfo", "MemTotal:");
    long long cost = limit > 0 ? memory / 25 / limit : 0;
    if (cost < 120 || cost > 320)
        not_tried("max_user_watches is not what the kernel computes at boot");
    saw(cost > 165, "4 %% of the memory / max_user_watches: %s than 165 bytes",
        cost > 165 ? "more" : "not more");
    saw(cost < 250, "%s than 250 bytes", cost < 250 ? "less" : "not less");
    return verdict("depends", "a registration costs 160 bytes of kernel memory",
                   "max_user_watches is 4 % of the memory divided by the "
                   "cost, which is between 165 and 250 bytes");
}
