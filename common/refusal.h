/*
 * refusal.h - explains why the system refuses io_uring.
 */
#ifndef IOMUX_REFUSAL_H
#define IOMUX_REFUSAL_H

/*
 * Returns the reason that demo_io_uring_refused() has found, as the end of a
 * sentence, or NULL if it was not called.
 */
const char *refusal_reason(void);

#endif
