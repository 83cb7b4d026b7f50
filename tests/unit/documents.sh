#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Do the manual page and the completion know every command and option that
# the program has, and no others?  TAP on stdout.
set -uo pipefail
export LC_ALL=C
srcdir=${srcdir:-$(dirname "$0")/../..}
xenferry=${XENFERRY:-./xenferry}
page=$srcdir/tools/xenferry.1
count=0

check() # NAME, then what was found and what was expected
{
    count=$((count + 1))
    if [ "$2" = "$3" ]; then
        echo "ok $count - documents: $1"
    else
        echo "not ok $count - documents: $1"
        diff <(echo "$3") <(echo "$2") | sed 's/^/# /'
    fi
}

# -- what the program says of itself --
commands=$("$xenferry" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')

options_of() # [COMMAND]
{
    "$xenferry" "$@" --help | grep -oE -e '--[a-z0-9]+(-[a-z]+)*' | sort -u
}

# -- the page --
# lines of the page's section, or of its subsection for a command
part_of_page()
{
    awk -v want="$1" '
        /^\.S[HS] / { on = ($2 == want) }
        on { gsub(/\\-/, "-"); print }' "$page"
}

options_in_page()
{
    { part_of_page "$1" | grep -E '^\.(TP|B|BR) ' |
        grep -oE -e '--[a-z0-9]+(-[a-z]+)*'
      [ "$1" = OPTIONS ] || printf '%s\n' --connect --help
    } | sort -u
}

check 'the page has the commands' \
    "$(sed -n 's/^\.SS \([a-z]*\).*/\1/p' "$page" | sort)" \
    "$(sort <<<"$commands")"
check 'the page has the common options' "$(options_in_page OPTIONS)" \
    "$(options_of)"
for command in $commands; do
    check "the page has the options of $command" \
        "$(options_in_page "$command")" "$(options_of "$command")"
done

# -- completion; the functions of bash-completion that it uses --
_init_completion()
{
    words=("${COMP_WORDS[@]}") cword=$COMP_CWORD
    cur=${words[cword]} prev=${words[cword - 1]}
}
__ltrim_colon_completions() { :; }
_filedir() { COMPREPLY=(FILE); }
xenferry() { printf 'ID NAME\n1 guest1\n'; }
# shellcheck source=/dev/null
. "$srcdir/tools/xenferry.bash"

complete_words() # WORD...: what may stand in the place of the last
{
    COMP_WORDS=(xenferry "$@")
    COMP_CWORD=$#
    COMPREPLY=()
    _xenferry 2>/dev/null
    printf '%s\n' "${COMPREPLY[@]}" | sort -u
}

check 'completion has the commands' \
    "$(complete_words '' | grep -v ^--)" "$(sort <<<"$commands")"
check 'completion has the common options' "$(complete_words --)" \
    "$(options_of)"
for command in $commands; do
    check "completion has the options of $command" \
        "$(complete_words "$command" --)" "$(options_of "$command")"
done
check 'completion asks for the domains' \
    "$(complete_words migrate g)" guest1
check 'completion of a destination' \
    "$(complete_words -c xen+unix:///system migrate guest1 x)" \
    $'xen+tcp://\nxl+ssh://'
check 'completion of a file' "$(complete_words create '')" FILE
check 'completion of a form' \
    "$(complete_words convert --from '')" $'json\nxl\nxml'
check 'completion of a file to convert' \
    "$(complete_words convert --from xl --to xml '')" FILE
echo "1..$count"
