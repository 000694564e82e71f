# The heavy tests share the helpers of the others.
# shellcheck source=tests/helpers.bash
source "$BATS_TEST_DIRNAME/../helpers.bash"
