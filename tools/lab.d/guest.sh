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

parse_guest() {
    local type=$2
    GUEST=([host]=$1 [type]=$type [name]=$type [via]=xl [memory]=128
        [vcpus]=1 [nic]=no [disk]='' [wait]=yes)
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
        --nic) GUEST[nic]=yes ;;
        --no-wait) GUEST[wait]=no ;;
        --via | --memory | --vcpus | --disk)
            [ $# -gt 1 ] || usage_error "$1 needs a value"
            GUEST[${1#--}]=$2
            shift
            ;;
        *) usage_error "guest has no option '$1'" ;;
        esac
        shift
    done
    [[ ${GUEST[name]} =~ ^[A-Za-z0-9_.-]+$ ]] ||
        usage_error "a guest's name is letters, digits and _.-," \
            "not '${GUEST[name]}'"
}

# A number that belongs to the name: 0 to 65535
name_number() {
    echo $((16#$(sha256sum <<<"${GUEST[name]}" | cut -c1-4)))
}

guest_mac() {
    printf '00:16:3e:78:%02x:%02x' $(($(name_number) / 256)) \
        $(($(name_number) % 256))
}

guest_address() {
    echo "10.77.0.$((100 + $(name_number) % 150))"
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
    [ "${GUEST[nic]}" = no ] || words+=" lab_addr=$(guest_address)"
    echo "$words"
}

guest_disk() {
    [ -z "${GUEST[disk]}" ] || echo "/srv/guest/${GUEST[name]}.disk"
}

xl_config() {
    local disk
    disk=$(guest_disk)
    cat <<END
name = "${GUEST[name]}"
type = "${GUEST[type]}"
memory = ${GUEST[memory]}
vcpus = ${GUEST[vcpus]}
kernel = "$(guest_kernel)"
ramdisk = "$GUEST_INITRD"
cmdline = "$(guest_cmdline)"
END
    [ "${GUEST[type]}" != hvm ] || printf 'vga = "none"\nvnc = 0\n'
    [ "${GUEST[nic]}" = no ] ||
        echo "vif = [ \"mac=$(guest_mac),bridge=xenbr0\" ]"
    [ -z "$disk" ] || echo "disk = [ \"phy:$disk,xvda,w\" ]"
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

domain_xml() {
    local disk
    disk=$(guest_disk)
    cat <<END
<domain type='xen'>
<name>${GUEST[name]}</name>
<memory unit='MiB'>${GUEST[memory]}</memory>
<vcpu>${GUEST[vcpus]}</vcpu>
<os>
$(xml_os)
</os>
$([ "${GUEST[type]}" != hvm ] || echo '<features><acpi/><apic/></features>')
<on_poweroff>destroy</on_poweroff>
<on_reboot>restart</on_reboot>
<on_crash>destroy</on_crash>
<devices>
<console type='pty'><target type='xen' port='0'/></console>
END
    [ -z "$disk" ] || cat <<END
<disk type='block' device='disk'>
<driver name='phy'/><source dev='$disk'/><target dev='xvda' bus='xen'/>
</disk>
END
    [ "${GUEST[nic]}" = no ] || cat <<END
<interface type='bridge'>
<source bridge='xenbr0'/><mac address='$(guest_mac)'/>
</interface>
END
    echo '</devices>'
    echo '</domain>'
}

# The disk is a device of the same name on both hosts, so that the guest can
# move; what is written on one host is not seen on the other.
make_disk() {
    local host
    for host in "${LAB_HOSTS[@]}"; do
        host_script "$host" disk.sh "$(guest_disk)" "${GUEST[disk]}"
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
    [ -z "${GUEST[disk]}" ] || make_disk
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
