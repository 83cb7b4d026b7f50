# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# The faults that tests/lab/faults brings about.

# NAME WHERE EXPECTED GUEST POINT ACTION [POINT ACTION]...
#
# WHERE: on the host that the guest leaves (from) or that it goes to (to).
# EXPECTED of the guest: it stays, it moves, either of both, or it goes down
# with its host.  GUEST: of that type; or paused, a PVH one whose administrator
# has paused it, and lets it run when all is at rest.  Points and actions are
# tests/lab/trigger's, with daemon, client and link for what these are on that
# host, and ID for the guest's domain.
faults_of_xenferry() {
    cat <<'END'
source-begun           from stays  pvh state=begun kill=daemon
source-performing      from stays  pvh state=performing kill=daemon
source-streaming       from stays  pvh sent=40 kill=daemon
source-and-helper      from stays  pvh sent=40 kill=daemon next kill=~save-helper
source-asks-suspend    from stays  pvh node=/local/domain/ID/control/shutdown=suspend kill=daemon
source-suspended       from stays  pvh suspended kill=daemon
source-performed       from either pvh state=performed kill=daemon
source-in-doubt        from either pvh state=performed kill=client state=in-doubt kill=daemon
source-given-away      from moves  pvh line=given-away kill=daemon
source-done            from moves  pvh state=done kill=daemon
destination-prepared   to   stays  pvh state=prepared kill=daemon
destination-receiving  to   stays  pvh state=receiving kill=daemon
destination-made       to   stays  pvh name=g1--incoming kill=daemon
destination-streaming  to   stays  pvh received=40 kill=daemon
destination-received   to   either pvh state=received kill=daemon
destination-decided    to   moves  pvh line=committed kill=daemon
destination-committed  to   moves  pvh state=committed kill=daemon
destination-running    to   moves  pvh runs kill=daemon
destination-named      to   moves  pvh name=g1 kill=daemon
destination-acknowledged to moves  pvh line=acknowledged kill=daemon
paused-source-asks-suspend from stays paused node=/local/domain/ID/control/shutdown=suspend kill=daemon
client-begun           from stays  pvh state=begun kill=client
client-prepared        to   stays  pvh state=prepared kill=client
client-streaming       from stays  pvh sent=40 kill=client
client-suspended       from either pvh suspended kill=client
client-performed       from either pvh state=performed kill=client
client-committed       to   moves  pvh state=committed kill=client
link-begun             from stays  pvh state=begun down=link
link-streaming         from stays  pvh sent=40 down=link
link-suspended         from either pvh suspended down=link
link-performed         from either pvh state=performed down=link
link-committed         to   moves  pvh line=committed down=link
store-update-streaming      from moves pvh sent=40 run=xenstored-update
store-update-received       to moves pvh state=received run=xenstored-update
store-source-performed      from either pvh state=performed kill=daemon next forget=records
store-destination-received  to either pvh state=received kill=daemon next forget=records
store-destination-decided   to moves pvh line=committed kill=daemon next forget=records
store-destination-committed to moves pvh state=committed kill=daemon next forget=records
power-destination-received  to stays pvh state=received stop=daemon
power-destination-committed to down  pvh state=committed stop=daemon
power-source-received       to moves pvh state=received stop=daemon
power-source-committed      to moves pvh state=committed stop=daemon
hvm-destination-receiving    to stays hvm state=receiving kill=daemon
hvm-destination-streaming    to stays hvm received=40 kill=daemon
hvm-destination-device-model to stays hvm leaf=device-model-pid kill=daemon
END
}

# What others do is described, and nothing is expected.
faults_of_libvirtd() {
    cat <<'END'
source-streaming      from - pvh sent=40 kill=daemon
source-suspended      from - pvh suspended kill=daemon
destination-streaming to   - pvh received=40 kill=daemon
destination-running   to   - pvh runs kill=daemon
client-streaming      from - pvh sent=40 kill=client
link-streaming        from - pvh sent=40 down=link
link-suspended        from - pvh suspended down=link
END
}

# Its daemons are the two ends of one command.
faults_of_xl() {
    cat <<'END'
source-streaming      from - pvh sent=40 kill=client
source-suspended      from - pvh name=g1--migratedaway kill=client
destination-streaming to   - pvh received=40 kill=~migrate-receive
destination-running   to   - pvh runs kill=~migrate-receive
link-streaming        from - pvh sent=40 down=link
link-suspended        from - pvh name=g1--migratedaway down=link
END
}

# TOOL CREATES-GUESTS UNIT COMMAND
tools() {
    cat <<'END'
xenferry xenferry xenferryd.service xenferry -c URI_FROM migrate g1 URI_TO --live
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
