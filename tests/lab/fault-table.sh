# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# The faults that tests/lab/faults brings about.

# NAME WHERE EXPECTED POINT ACTION [POINT ACTION]...
#
# WHERE: on the host that the guest leaves (from) or that it goes to (to).
# EXPECTED of the guest: it stays, it moves, either of both, or it goes down
# with its host.  Points and actions are tests/lab/trigger's, with daemon,
# client and link for what these are on that host, and ID for the guest's
# domain.
faults_of_xenferry() {
    cat <<'END'
source-begun           from stays  state=begun kill=daemon
source-performing      from stays  state=performing kill=daemon
source-streaming       from stays  sent=40 kill=daemon
source-and-helper      from stays  sent=40 kill=daemon next kill=~save-helper
source-asks-suspend    from stays  node=/local/domain/ID/control/shutdown=suspend kill=daemon
source-suspended       from stays  suspended kill=daemon
source-performed       from either state=performed kill=daemon
source-in-doubt        from either state=performed kill=client state=in-doubt kill=daemon
source-given-away      from moves  line=given-away kill=daemon
source-done            from moves  state=done kill=daemon
destination-prepared   to   stays  state=prepared kill=daemon
destination-receiving  to   stays  state=receiving kill=daemon
destination-streaming  to   stays  received=40 kill=daemon
destination-received   to   either state=received kill=daemon
destination-decided    to   moves  line=committed kill=daemon
destination-committed  to   moves  state=committed kill=daemon
destination-running    to   moves  runs kill=daemon
client-begun           from stays  state=begun kill=client
client-prepared        to   stays  state=prepared kill=client
client-streaming       from stays  sent=40 kill=client
client-suspended       from either suspended kill=client
client-performed       from either state=performed kill=client
client-committed       to   moves  state=committed kill=client
link-begun             from stays  state=begun down=link
link-streaming         from stays  sent=40 down=link
link-suspended         from either suspended down=link
link-performed         from either state=performed down=link
link-committed         to   moves  line=committed down=link
store-update-streaming      from moves sent=40 run=xenstored-update
store-update-received       to moves state=received run=xenstored-update
store-source-performed      from either state=performed kill=daemon next forget=records
store-destination-received  to either state=received kill=daemon next forget=records
store-destination-decided   to moves line=committed kill=daemon next forget=records
store-destination-committed to moves state=committed kill=daemon next forget=records
power-destination-received  to stays state=received stop=daemon
power-destination-committed to down  state=committed stop=daemon
power-source-received       to moves state=received stop=daemon
power-source-committed      to moves state=committed stop=daemon
END
}

# What others do is described, and nothing is expected.
faults_of_libvirtd() {
    cat <<'END'
source-streaming      from - sent=40 kill=daemon
source-suspended      from - suspended kill=daemon
destination-streaming to   - received=40 kill=daemon
destination-running   to   - runs kill=daemon
client-streaming      from - sent=40 kill=client
link-streaming        from - sent=40 down=link
link-suspended        from - suspended down=link
END
}

# Its daemons are the two ends of one command.
faults_of_xl() {
    cat <<'END'
source-streaming      from - sent=40 kill=client
source-suspended      from - name=g1--migratedaway kill=client
destination-streaming to   - received=40 kill=~migrate-receive
destination-running   to   - runs kill=~migrate-receive
link-streaming        from - sent=40 down=link
link-suspended        from - name=g1--migratedaway down=link
END
}

# TOOL CREATES-GUESTS UNIT COMMAND
tools() {
    cat <<'END'
xenferry xenferry xenferryd.service xenferry -c xen+tcp://FROM:16510/system migrate g1 xen+tcp://TO:16510/system --live
libvirtd virsh    libvirtd.service  virsh -q -c xen:///system migrate --live g1 xen+tcp://TO/system
xl       xl       -                 xl migrate g1 TO
END
}

# field TABLE NAME NUMBER: of the row NAME; the fourth is all that is left
field() {
    local row
    while read -r -a row; do
        if [ "${row[0]}" = "$2" ] && [ "$3" -lt 4 ]; then
            echo "${row[$3 - 1]}"
        elif [ "${row[0]}" = "$2" ]; then
            echo "${row[@]:3}"
        fi
    done < <("$1")
}
