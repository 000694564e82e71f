#!/usr/bin/env bats
#
# sessions.bats - every session in the README, in the walkthrough and in the
# page for contributors is run, and what stands there comes out again.

load helpers

@test "every session in the text is run, and its output comes out again" {
    "$TOP/scripts/walkthrough" --only sessions 3>&- 4>&-
}
