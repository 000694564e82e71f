#!/usr/bin/env bats
#
# hazards_others.bats - the hazards of tests/hazards.bats, in the stages that
# file leaves out because each of them resembles one that it has. What only
# common/ handles, a path or an output for example, is not repeated in all.

load helpers

@test "no hazard harms 01-blocking" {
    suffer_all 01-blocking
}

@test "no hazard harms 02-threads" {
    suffer_all 02-threads
}

@test "no hazard harms 03-nonblocking" {
    suffer_all --loop 03-nonblocking
}

@test "no hazard harms 04-select" {
    suffer_all --loop 04-select
}

@test "no hazard harms 05-poll" {
    suffer_all --loop 05-poll
}

@test "no hazard harms 06-epoll-lt" {
    suffer_all 06-epoll-lt
}

@test "no hazard harms 07-epollout" {
    suffer_all --loop 07-epollout
}

@test "no hazard harms 10-reactor" {
    suffer_all --loop 10-reactor
}

