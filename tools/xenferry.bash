# SPDX-License-Identifier: LGPL-2.1-or-later
# Completion of xenferry's command line; needs the package bash-completion.

# The names of the domains there are, from the daemon that -c names; which
# of them: an option of list.
_xenferry_domains()
{
    local i uri=()
    for ((i = 1; i < cword; i++)); do
        case ${words[i]} in
        -c|--connect) uri=(-c "${words[i + 1]}") ;;
        esac
    done
    xenferry "${uri[@]}" list "$@" 2>/dev/null | awk 'NR > 1 { print $2 }'
}

# Sets command to the command that was given, if any, and given to the
# number of its arguments before the cursor.
_xenferry_parse()
{
    local i
    command='' given=0
    for ((i = 1; i < cword; i++)); do
        case ${words[i]} in
        -c|--connect|--dname|--uri|--bandwidth|--from|--to|--protocol|--xml|\
            --socket|--persistent-xml)
            ((i++))
            ;;
        -*) ;;
        *)
            if [ -z "$command" ]; then
                command=${words[i]}
            else
                given=$((given + 1))
            fi
            ;;
        esac
    done
}

# What may follow the command, by command and number of arguments.
_xenferry_choices()
{
    local common='--connect --help'
    case $command/$given in
    /*)
        echo "autostart convert create define destroy handoffs list migrate"
        echo "pause receive resolve shutdown start undefine unpause"
        echo "$common --version"
        ;;
    list/*) echo "$common --all --inactive --json" ;;
    handoffs/*|define/*) echo "$common --json" ;;
    resolve/*)
        echo "$common --assume-committed --assume-revoked --yes"
        ;;
    receive/*)
        echo "$common --debug --foreground --no-monitor --paused --remus"
        echo "--socket"
        ;;
    create/*) echo "$common --given-away --json --paused --verbose" ;;
    convert/*) echo "$common --from --network --to --verbose" ;;
    migrate/*)
        echo "$common --abort-on-error --bandwidth --change-protection"
        echo "--direct --dname --json --live --offline --p2p --paused"
        echo "--persistent --persistent-xml --protocol --tunnelled"
        echo "--undefine-source --undefinesource --unsafe --uri --xml"
        [ "$given" -ne 0 ] || _xenferry_domains
        [ "$given" -ne 1 ] || echo "xen+tcp:// xl+ssh://"
        ;;
    autostart/*)
        echo "$common --disable --json"
        [ "$given" -ne 0 ] || _xenferry_domains --all
        ;;
    start/*)
        echo "$common --given-away --json --paused"
        [ "$given" -ne 0 ] || _xenferry_domains --inactive
        ;;
    undefine/*)
        echo "$common --json"
        [ "$given" -ne 0 ] || _xenferry_domains --all
        ;;
    destroy/*|pause/*|shutdown/*|unpause/*)
        echo "$common"
        [ "$given" -ne 0 ] || _xenferry_domains
        ;;
    esac
}

_xenferry()
{
    local cur prev words cword command given choices
    _init_completion -n := || return
    _xenferry_parse
    case $prev in
    -c|--connect) choices='xen+unix:///system xen+tcp://' ;;
    --dname|--uri|--bandwidth) return ;;
    --from|--to) choices='xml xl json' ;;
    --protocol) choices='auto v1 v2 v3 v3-params' ;;
    *) choices=$(_xenferry_choices) ;;
    esac
    if [[ $command == @(create|define) && $given -eq 0 &&
        $cur != -* ]]; then
        _filedir xml
    elif [[ $prev == --@(persistent-|)xml && $cur != -* ]]; then
        _filedir xml
    elif [[ $prev == --socket && $cur != -* ]]; then
        _filedir
    elif [[ $command == convert && $given -eq 0 && $cur != -* &&
        $prev != --from && $prev != --to ]]; then
        _filedir
    else
        mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$cur")
    fi
    [[ ${COMPREPLY[0]-} != x*:// ]] || compopt -o nospace
    __ltrim_colon_completions "$cur"
} &&
complete -F _xenferry xenferry
