# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# The guests: small ones that tick (image/guest-init.c), created on a host by
# xl, by libvirtd or by Xenferry.

# dom0's kernel: unpacked, as Xen's domain builder takes it at once, and as it
# came, as the firmware of an HVM guest needs it.
GUEST_VMLINUX=/srv/guest/vmlinux
GUEST_VMLINUZ=/srv/guest/vmlinuz
GUEST_INITRD=/srv/guest/initrd

# What the command line asked for
declare -A GUEST
# Its disks, "KIND SIZE" each: xvda and so on
GUEST_DISKS=()
LAB_DISK_NAMES=(xvda xvdb)
# Of disks and of interfaces
GUEST_MOST=2

parse_guest() {
    local type=$2
    GUEST=([host]=$1 [type]=$type [name]=$type [via]=xl [memory]=128
        [vcpus]=1 [nics]=0 [on-crash]=destroy [wait]=yes)
    GUEST_DISKS=()
    case $type in
    pvh | pv) ;;
    hvm) GUEST[memory]=192 ;;
    *) usage_error "a guest is pvh, hvm or pv, not '$type'" ;;
    esac
    shift 2
    if [ $# -gt 0 ] && [ "${1#-}" = "$1" ]; then
        GUEST[name]=$1
        shift
    fi
    while [ $# -gt 0 ]; do
        case $1 in
        --nic) GUEST[nics]=$((GUEST[nics] + 1)) ;;
        --no-wait) GUEST[wait]=no ;;
        --via | --memory | --vcpus | --on-crash | --disk | --shared-disk)
            [ $# -gt 1 ] || usage_error "$1 needs a value"
            set_guest "$1" "$2"
            shift
            ;;
        *) usage_error "guest has no option '$1'" ;;
        esac
        shift
    done
    [[ ${GUEST[name]} =~ ^[A-Za-z0-9_.-]+$ ]] ||
        usage_error "a guest's name is letters, digits and _.-," \
            "not '${GUEST[name]}'"
    if [ "${GUEST[nics]}" -gt "$GUEST_MOST" ] ||
        [ "${#GUEST_DISKS[@]}" -gt "$GUEST_MOST" ]; then
        usage_error "a guest has at most $GUEST_MOST disks and as many" \
            "interfaces"
    fi
}

set_guest() {
    case $1 in
    --disk) GUEST_DISKS+=("disk $2") ;;
    --shared-disk) GUEST_DISKS+=("shared-disk $2") ;;
    *) GUEST[${1#--}]=$2 ;;
    esac
}

# A number that belongs to the name: 0 to 65535
name_number() {
    echo $((16#$(sha256sum <<<"${GUEST[name]}" | cut -c1-4)))
}

# guest_mac N, guest_address N: of its interface N, from 0
guest_mac() {
    printf '00:16:3e:%02x:%02x:%02x' $((0x78 + $1)) \
        $(($(name_number) / 256)) $(($(name_number) % 256))
}

guest_address() {
    echo "10.$((77 + $1)).0.$((100 + $(name_number) % 150))"
}

# numbers N: from 0 to below N
numbers() {
    seq 0 $(($1 - 1))
}

guest_addresses() {
    local i
    for i in $(numbers "${GUEST[nics]}"); do
        guest_address "$i"
    done
}

# The names of its disks in the guest; of those of one kind, if it is said
guest_disks() {
    local i
    for i in "${!GUEST_DISKS[@]}"; do
        case ${GUEST_DISKS[i]} in
        "${1:-}"*) echo "${LAB_DISK_NAMES[i]}" ;;
        esac
    done
}

disk_device() {
    echo "/srv/guest/${GUEST[name]}-$1"
}

guest_kernel() {
    case ${GUEST[type]} in
    hvm) echo "$GUEST_VMLINUZ" ;;
    *) echo "$GUEST_VMLINUX" ;;
    esac
}

# Early looks at PCI and self-tests take seconds under emulation.
guest_cmdline() {
    local words="console=hvc0 quiet mitigations=off pci=noearly"
    words+=" cryptomgr.notests lab_name=${GUEST[name]}"
    [ "${GUEST[nics]}" = 0 ] ||
        words+=" lab_addr=$(guest_addresses | paste -sd,)"
    [ -z "$(guest_disks shared)" ] ||
        words+=" lab_disks=$(guest_disks shared | paste -sd,)"
    echo "$words"
}

xl_disks() {
    local name
    for name in $(guest_disks); do
        printf '"phy:%s,%s,w", ' "$(disk_device "$name")" "$name"
    done
}

xl_nics() {
    local i
    for i in $(numbers "${GUEST[nics]}"); do
        printf '"mac=%s,bridge=xenbr0", ' "$(guest_mac "$i")"
    done
}

xl_config() {
    cat <<END
name = "${GUEST[name]}"
type = "${GUEST[type]}"
memory = ${GUEST[memory]}
vcpus = ${GUEST[vcpus]}
kernel = "$(guest_kernel)"
ramdisk = "$GUEST_INITRD"
cmdline = "$(guest_cmdline)"
on_crash = "${GUEST[on-crash]}"
END
    [ "${GUEST[type]}" != hvm ] || printf 'vga = "none"\nvnc = 0\n'
    [ "${GUEST[nics]}" = 0 ] || echo "vif = [ $(xl_nics)]"
    [ "${#GUEST_DISKS[@]}" = 0 ] || echo "disk = [ $(xl_disks)]"
}

xml_os() {
    case ${GUEST[type]} in
    pvh) echo "<type arch='x86_64' machine='xenpvh'>xenpvh</type>" ;;
    pv) echo "<type arch='x86_64' machine='xenpv'>linux</type>" ;;
    hvm) echo "<type arch='x86_64' machine='xenfv'>hvm</type>" ;;
    esac
    cat <<END
<kernel>$(guest_kernel)</kernel>
<initrd>$GUEST_INITRD</initrd>
<cmdline>$(guest_cmdline)</cmdline>
END
}

# A 64-bit kernel refuses to boot where there is no PAE, and there is none
# unless it is asked for.
xml_features() {
    [ "${GUEST[type]}" != hvm ] || echo '<features><acpi/><apic/><pae/></features>'
}

xml_disks() {
    local name
    for name in $(guest_disks); do
        cat <<END
<disk type='block' device='disk'>
<driver name='phy'/><source dev='$(disk_device "$name")'/>
<target dev='$name' bus='xen'/>
</disk>
END
    done
}

xml_nics() {
    local i
    for i in $(numbers "${GUEST[nics]}"); do
        cat <<END
<interface type='bridge'>
<source bridge='xenbr0'/><mac address='$(guest_mac "$i")'/>
</interface>
END
    done
}

domain_xml() {
    cat <<END
<domain type='xen'>
<name>${GUEST[name]}</name>
<memory unit='MiB'>${GUEST[memory]}</memory>
<vcpu>${GUEST[vcpus]}</vcpu>
<os>
$(xml_os)
</os>
$(xml_features)
<on_poweroff>destroy</on_poweroff>
<on_reboot>restart</on_reboot>
<on_crash>${GUEST[on-crash]}</on_crash>
<devices>
<console type='pty'><target type='xen' port='0'/></console>
END
    # as by xl.cfg: nobody looks at a card, and its BIOS takes its time
    [ "${GUEST[type]}" != hvm ] || echo "<video><model type='none'/></video>"
    xml_disks
    xml_nics
    echo '</devices>'
    echo '</domain>'
}

# A disk is a device of the same name on both hosts, so that the guest can
# move.  One that is not shared is a file of each host: what is written on one
# is not seen on the other.
make_disk() {
    local host
    for host in "${LAB_HOSTS[@]}"; do
        host_script "$host" disk.sh "$1" "$2" || return
    done
}

make_shared_disk() {
    local host server=${LAB_HOSTS[0]}
    host_script "$server" shared-disk.sh serve "$1" "$2" || return
    for host in "${LAB_HOSTS[@]}"; do
        host_script "$host" shared-disk.sh attach "$1" "$server" || return
    done
}

make_disks() {
    local i kind size
    for i in "${!GUEST_DISKS[@]}"; do
        read -r kind size <<<"${GUEST_DISKS[i]}"
        "make_${kind//-/_}" "$(disk_device "${LAB_DISK_NAMES[i]}")" "$size" ||
            die "no disk for ${GUEST[name]}"
    done
}

# VIA  FILE-SUFFIX  WRITER  COMMAND
creators() {
    cat <<'END'
xl       cfg xl_config  xl create -q
virsh    xml domain_xml virsh -q -c xen:///system create
xenferry xml domain_xml xenferry create
END
}

verb_guest() {
    local row suffix writer command file forget
    check_host "$1"
    parse_guest "$@"
    row=$(creators | sed -n "s/^${GUEST[via]}  *//p")
    [ -n "$row" ] || usage_error "nobody called '${GUEST[via]}' creates guests"
    read -r suffix writer command <<<"$row"
    forget="cd /var/log/xen/console"
    forget+=" && rm -f guest-${GUEST[name]}.log guest-${GUEST[name]}--*.log"
    file=/srv/guest/${GUEST[name]}.$suffix
    make_disks
    "$writer" | on_host "${GUEST[host]}" \
        "$forget; cat >$file && $command $file" ||
        die "$command could not create ${GUEST[name]} on ${GUEST[host]}"
    [ "${GUEST[wait]}" = no ] || wait_for_tick
}

wait_for_tick() {
    # The firmware of an HVM guest loads the kernel byte by byte: a minute here,
    # several on a busy machine.
    wait_until 400 guest_ticks ||
        die "${GUEST[name]} does not tick; see:" \
            "lab console ${GUEST[host]} ${GUEST[name]}"
    say "${GUEST[name]} ticks on ${GUEST[host]} (${SECONDS} s)"
}

guest_ticks() {
    host_script "${GUEST[host]}" ticks.sh "${GUEST[name]}" 1 >/dev/null 2>&1
}

verb_ticks() {
    host_script "$1" ticks.sh "$2" "${3:-1}"
}

verb_said() {
    host_script "$1" ticks.sh "$2" "${3:-10}" others
}

verb_tell() {
    host_script "$1" tell.sh "${@:2}"
}

verb_console() {
    local options
    need_host "$1"
    mapfile -t options < <(ssh_options "$1" "$LAB_RUN")
    exec ssh "${options[@]}" -t root@127.0.0.1 xl console -t pv "${2@Q}"
}
