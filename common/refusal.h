/*
 * refusal.h - explains why the system refuses io_uring.
 */
#ifndef IOMUX_REFUSAL_H
#define IOMUX_REFUSAL_H

/*
 * Finds out why io_uring_setup(2) failed with this errno value. Leaves errno
 * set to it.
 */
void refusal_explain(int error);

/* Returns the reason as the end of a sentence, or NULL if io_uring was not
 * refused. */
const char *refusal_reason(void);

#endif
