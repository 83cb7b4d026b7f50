#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# "xenferry convert" as its users run it: without Xen, without a daemon, as an
# ordinary user where the test is started by root.  TAP on stdout.
set -uo pipefail
export LC_ALL=C
srcdir=${srcdir:-$(dirname "$0")/../..}
xenferry=${XENFERRY:-./xenferry}
data=$srcdir/tests/data
count=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

result() # STATUS NAME
{
    count=$((count + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $count - convert: $2"
    else
        echo "not ok $count - convert: $2"
        sed 's/^/# /' "$work/out" "$work/err"
    fi
}

convert() # ARGUMENT...
{
    "$xenferry" convert "$@" >"$work/out" 2>"$work/err"
}

fails_with() # STATUS TEXT NAME ARGUMENT...
{
    local status=$1 text=$2 name=$3
    shift 3
    convert "$@"
    [ $? -eq "$status" ] && [ ! -s "$work/out" ] &&
        grep -qF -e "$text" "$work/err"
    result $? "$name"
}

# -- every pair, and back through the other forms --
for json in "$data"/xlcfg/*.json; do
    cfg=${json%.json}.cfg
    name=$(basename "$cfg")
    convert --from xl --to json "$cfg" && cmp -s "$work/out" "$json"
    result $? "$name means its JSON"
    "$xenferry" convert --from xl --to xml "$cfg" 2>"$work/err" |
        "$xenferry" convert --from xml --to json - 2>>"$work/err" |
        cmp -s - "$json"
    result $? "$name through XML"
done
for json in "$data"/domxml/*.json; do
    xml=${json%.json}.xml
    convert --from xml --to json "$xml" && cmp -s "$work/out" "$json"
    result $? "$(basename "$xml") means its JSON"
done

# -- networks --
cat >"$work/net.xml" <<'END'
<domain type='xen'><name>g</name><memory>65536</memory>
<uuid>6a3c1f0e-52d4-4c7b-9a8e-0123456789ab</uuid>
<os><type>xenpvh</type><kernel>/k</kernel></os><devices>
<interface type='network'><source network='lan'/></interface>
</devices></domain>
END
convert --from xml --to xl --network wan=br1 --network lan=br7 \
    "$work/net.xml" && grep -q 'bridge=br7' "$work/out"
result $? 'the bridge of a network'
fails_with 1 "line 4, <source>: network 'lan': there is no libvirt to ask" \
    'a network of unknown bridge' --from xml --to xl --network wan=br1 \
    "$work/net.xml"
fails_with 2 "--network: 'lan' is not NETWORK=BRIDGE" 'no network' \
    --from xml --to xl --network lan "$work/net.xml"

# -- as xl prints a running domain --
{
    echo '[ { "domid": 3, "config": '
    cat "$data/xlcfg/pvh.json"
    echo '} ]'
} >"$work/list"
convert --from json --to json "$work/list" &&
    cmp -s "$work/out" "$data/xlcfg/pvh.json"
result $? 'what "xl list -l" prints'

# -- errors --
cfg=$data/xlcfg/pvh.cfg
printf 'name = "g"\ncolour = "red"\n' >"$work/bad.cfg"
printf 'name = "g"\n\377' >"$work/latin.cfg"
printf 'name = "g"\n\0' >"$work/nul.cfg"
printf '{ "c_info": { "type": "pv", "colour": 1 }, "b_info": {} }' \
    >"$work/bad.json"
fails_with 2 'convert: --from is missing' 'no form' "$cfg"
fails_with 2 "--to: there is no form 'yaml'; there are: xml, xl, json" \
    'no such form' --from xl --to yaml "$cfg"
fails_with 2 'one argument too many' 'two files' --from xl --to xml a b
fails_with 1 'cannot read' 'no such file' --from xl --to xml "$work/none"
fails_with 1 "$work/bad.cfg: line 2, colour: this key is not known" \
    'an unknown key' --from xl --to xml "$work/bad.cfg"
fails_with 1 "$work/latin.cfg: is not UTF-8 at byte 11" 'another encoding' \
    --from xl --to xml "$work/latin.cfg"
fails_with 1 "$work/nul.cfg: has a NUL at byte 11" 'a NUL' \
    --from xl --to xml "$work/nul.cfg"
fails_with 1 "$work/bad.json: /c_info/colour: this host's libxl does not" \
    'an unknown member' --from json --to xml "$work/bad.json"
fails_with 1 'domain XML, line 1, <domain>: ' 'XML errors have their line' \
    --from xml --to xl - < <(echo '<domain type="xen"><name/></domain>')
fails_with 1 'xl.cfg cannot say' 'what xl.cfg cannot say' \
    --from json --to xl "$data/domxml-xl/live-pv.json"

# -- names that are not ASCII, in locale C --
printf 'type = "pvh"\nname = "g\303\244st"\nkernel = "/k"\nmemory = 64\n' \
    >"$work/utf8.cfg"
convert --from xl --to xml "$work/utf8.cfg" &&
    grep -q "<name>$(printf 'g\303\244st')</name>" "$work/out"
result $? 'UTF-8 in any locale'

# -- output that cannot be written --
if [ -c /dev/full ]; then
    "$xenferry" convert --from xl --to xml "$work/utf8.cfg" 2>"$work/err" \
        >/dev/full
    [ $? -eq 1 ] && grep -q 'standard output' "$work/err"
    result $? 'no room for the output'
fi

# -- as an ordinary user --
if [ "$(id -u)" -eq 0 ] && command -v setpriv >"$work/out"; then
    setpriv --reuid=65534 --regid=65534 --clear-groups \
        "$xenferry" convert --from xl --to xml <"$cfg" \
        >"$work/out" 2>"$work/err"
    result $? 'as an ordinary user'
fi
echo "1..$count"
