# environment.bash - the start of every shell script of iomux. Sets $top, the
# top of the checkout, removes what environment.txt lists from the environment,
# and checks the variables that are meant for the user. A script sources it by
#
#   source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/iomux/environment.bash"
#
# so that it works at any path and through symbolic links. The scripts start
# with bash -p, which ignores BASH_ENV and functions of the environment.

# shellcheck disable=SC2034 # the script uses it
top=$(cd -P -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/../.." >/dev/null && pwd)

environment_clean() {
    local line
    local -a names=()
    while IFS= read -r line || [ -n "$line" ]; do
        case $line in
        '' | '#'*) ;;
        *'*') eval "names+=(\"\${!${line%\*}@}\")" ;;
        *) names+=("$line") ;;
        esac
    done <"$top/scripts/iomux/environment.txt"
    set +o posix
    for line in "${names[@]}"; do
        case $line in
        # These two are read-only, and unset would close the descriptor.
        SHELLOPTS | BASHOPTS | BASH_XTRACEFD) export -n "${line?}" ;;
        *) unset -v "$line" ;;
        esac
    done
    export LC_ALL=C
}

# TIMEOUT_MULT becomes part of an expression: it must be a number.
environment_check() {
    if [[ -n ${TIMEOUT_MULT:-} && ! $TIMEOUT_MULT =~ ^[1-9][0-9]{0,3}$ ]]; then
        printf '%s: TIMEOUT_MULT is a whole number from 1 to 9999, not %q\n' \
            "${0##*/}" "$TIMEOUT_MULT" >&2
        exit 2
    fi
    if [[ -n ${TMPDIR:-} && ! -d $TMPDIR ]]; then
        printf '%s: TMPDIR is not a directory: %q\n' "${0##*/}" "$TMPDIR" >&2
        exit 2
    fi
}

# Prints the stages that 4, 04, select or 04-select names, or a pattern.
stages_named() {
    local file name number
    for file in "$top"/demos/[0-9]*.c; do
        name=${file##*/}
        name=${name%.c}
        number=${name%%-*}
        # shellcheck disable=SC2254 # $1 is a pattern
        case $1 in
        "${number#0}" | "$number" | "${name#*-}") echo "$name" ;;
        *) case $name.c in
            $1 | $1.c) echo "$name" ;;
            esac ;;
        esac
    done
}

# STAGES chooses stages. Each word must name one, and becomes its whole name.
environment_stages() {
    local word names
    local -a words chosen=()
    [ -n "${STAGES:-}" ] || return 0
    read -r -d "" -a words <<<"$STAGES" || :
    for word in "${words[@]}"; do
        names=$(stages_named "$word")
        if [ -z "$names" ]; then
            printf "%s: STAGES: there is no stage '%s'; %s\n" "${0##*/}" \
                "$word" "scripts/demo --list lists them" >&2
            exit 2
        fi
        mapfile -t -O "${#chosen[@]}" chosen <<<"$names"
    done
    export STAGES=${chosen[*]}
}

environment_clean
environment_check
environment_stages
