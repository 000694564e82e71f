/*
 * player.h - plays a scenario in lock-step with the server of this process.
 *
 * A thread, the player, hands the steps to the threads of the clients, one at a
 * time, and waits after each until the server has settled. In the end it stops
 * the server.
 */
#ifndef IOMUX_PLAYER_H
#define IOMUX_PLAYER_H

#include "listener.h"
#include "scenario.h"

/*
 * Starts the thread of the player. Must be called after lockstep_observe() and
 * before serve(). The signals that stop the program must be blocked, because
 * the player and the clients have a table of descriptors of their own. scenario
 * and listener must stay valid until player_join().
 *
 * Two functions are called from the thread of the player. stop_server() must
 * shut down the connections of a server that does not end. give_up() must end
 * the process, because the server has not ended after that either. reason is
 * a sentence that says why the scenario had failed before that, or "".
 *
 * Returns 0, or an errno value of pthread_create(3).
 */
int player_start(struct scenario *scenario, const struct listener *listener,
                 void (*stop_server)(void),
                 void (*give_up)(const char *reason));

/*
 * Waits for the player, after serve() has returned. Returns NULL, or a sentence
 * that says why the scenario could not be played to its end. An interrupted
 * scenario is not an error. Returns NULL at once if player_start() failed.
 */
const char *player_join(void);

#endif
