# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# The images, in three layers, each in a file or folder named by a hash of
# what it is made from, so that nothing is made twice and a change of the
# inputs makes anew what depends on them:
#   root-HASH.tar  the packages, unpacked           (image/packages)
#   base-HASH/     disk image, kernel, Xen, ssh key (all of image/)
#   ready-HASH/    both hosts booted and saved      (qemu.sh, memory sizes)
# All are complete and only read once they have their name.

LAB_SUITE=bookworm

image_packages() {
    grep -v '^#' "$LAB_LIB/image/packages"
}

short_hash() {
    sha256sum | cut -c1-16
}

files_hash() {
    (cd "$LAB_LIB" && find "$@" -type f -print0 | sort -z |
        xargs -0 sha256sum) | short_hash
}

root_tar() {
    local hash
    hash=$({ echo "$LAB_SUITE"; image_packages
        declare -f make_root early_files; } | short_hash)
    echo "$LAB_IMAGES/root-$hash.tar"
}

base_images() {
    local hash
    hash=$({ basename "$(root_tar)"; files_hash image; declare -f make_base; } | short_hash)
    echo "$LAB_IMAGES/base-$hash"
}

ready_images() {
    local hash
    hash=$({ basename "$(base_images)"; files_hash qemu.sh
        declare -f make_ready warm_up; echo "$LAB_MEM $LAB_DOM0_MEM"
        qemu-system-x86_64 -version; } | short_hash)
    echo "$LAB_IMAGES/ready-$hash"
}

# The machine's own apt knows where Debian's packages are to be had; only
# Debian's: other sources that the machine may have are left out.
debian_sources() {
    # shellcheck disable=SC2016
    apt-get indextargets \
        --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN)' \
        'Created-By: Packages' |
        awk -v suite="$LAB_SUITE" \
            '$NF == "Debian" && $3 ~ "^" suite { NF--; print }' | sort -u
}

# Files that must be there before the packages are unpacked: the initrd is
# made while they are.
early_files() {
    local conf=etc/initramfs-tools/conf.d/lab
    local modules=usr/share/initramfs-tools/modules.d/lab
    cat <<END
#!/bin/sh
set -e
cd "\$1"
mkdir -p $(dirname $conf) $(dirname $modules)
echo MODULES=list >$conf
printf '%s\n' ahci sd_mod ext4 >$modules
END
}

make_root() {
    local out=$1 work sources
    work=$(mktemp -d)
    sources=$work/sources.list
    debian_sources >"$sources"
    if [ ! -s "$sources" ]; then
        apt-get -q update
        debian_sources >"$sources"
    fi
    if [ ! -s "$sources" ]; then
        echo "apt has no Debian $LAB_SUITE among its sources;" \
            "add it to /etc/apt and try again"
        return 1
    fi
    apt-config dump | grep -E '^Acquire::(https?|Check|Retries)' \
        >"$work/apt.conf" || true
    early_files >"$work/early"
    chmod 755 "$work/early"
    mmdebstrap --format=tar --variant=minbase --aptopt="$work/apt.conf" \
        --dpkgopt='path-exclude=/usr/share/doc/*' \
        --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' \
        --include="$(image_packages | paste -sd,)" \
        --setup-hook="$work/early \"\$1\"" \
        "$LAB_SUITE" "$out" "$sources"
    rm -rf "$work"
}

make_base() {
    local tar=$1 out=$2 root
    root=$out/root
    mkdir -p "$root"
    tar -xf "$tar" -C "$root" --numeric-owner
    gcc -O2 -Wall -Wextra -Werror -static -o "$out/guest-init" \
        "$LAB_LIB/image/guest-init.c"
    ssh-keygen -q -t ed25519 -N '' -C xenferry-lab -f "$out/id"
    "$LAB_LIB/image/customize" "$root" "$out"
    mke2fs -q -t ext4 -O ^has_journal -m 0 -d "$root" "$out/base.img" 4000M
    rm -rf "$root" "$out/guest-init"
}

make_ready() {
    local base=$1 out=$2 host
    make_run "$out" "$base"
    for host in "${LAB_HOSTS[@]}"; do
        qemu-img create -q -f qcow2 -b "$base/base.img" -F raw \
            "$out/$host.qcow2"
        start_machine "$host" "$out"
    done
    for host in "${LAB_HOSTS[@]}"; do
        find_ports "$host" "$out"
        wait_booted "$host" "$out"
    done
    for host in "${LAB_HOSTS[@]}"; do
        try_out "$host" "$out"
    done
    for host in "${LAB_HOSTS[@]}"; do
        save_machine "$host" "$out"
    done
    clear_run "$out"
}

wait_booted() {
    local host=$1 run=$2
    wait_machine 900 try_ssh "$host" "$run" true || {
        echo "$host does not answer ssh; its console ends with:"
        tail -n 15 "$run/sockets/$host.console"
        return 1
    }
    wait_machine 300 try_ssh "$host" "$run" \
        'systemctl is-system-running --wait >/dev/null; xl list' || {
        echo "Xen's tools do not work on $host"
        return 1
    }
}

# Both hosts are up: does what must work do so?
try_out() {
    local host=$1 run=$2 other
    for other in "${LAB_HOSTS[@]}"; do
        try_ssh "$host" "$run" "ping -c 1 -W 30 $other" || {
            echo "$host does not reach $other on xenbr0"
            return 1
        }
    done
    try_ssh "$host" "$run" "$(warm_up)" || {
        echo "$host cannot create a guest"
        return 1
    }
}

# What the host does before it is saved: creates a guest that never runs, and
# has libvirtd up for a moment. It shows that both work, and whoever does so
# later finds the programs in the page cache.
warm_up() {
    cat <<'END'
systemctl --failed --no-legend
set -e
cat >/tmp/warm.cfg <<CFG
name = "warm"
type = "pvh"
memory = 128
kernel = "/srv/guest/vmlinux"
ramdisk = "/srv/guest/initrd"
CFG
xl create -q -p /tmp/warm.cfg
xl destroy warm
rm -f /tmp/warm.cfg /var/log/xen/console/guest-warm.log /var/log/xen/xl-warm.log
cat /srv/guest/vmlinuz /usr/libexec/xen-qemu-system-i386 >/dev/null
systemctl start libvirtd-tcp.socket libvirtd.service
virsh -c xen:///system list >/dev/null
systemctl stop 'libvirtd*.socket' 'virtlogd*' 'virtlockd*' libvirtd.service
sync
END
}

discard_layer() {
    clear_run "$1"
    rm -rf "$1"
}

# A layer is made under another name and gets its own when it is whole.
make_layer() {
    local words=$1 out=$2
    shift 2
    [ ! -e "$out" ] || return 0
    discard_layer "$out.new"
    at_exit "discard_layer '$out.new'"
    with_progress "$words" "$@" "$out.new"
    mv "$out.new" "$out"
    undo_exit
}

# Of each layer the three used last stay: other labs may be running on them.
forget_old_images() {
    local layer
    for layer in root base ready; do
        find "$LAB_IMAGES" -maxdepth 1 -name "$layer-*" -printf '%T@ %p\n' |
            sort -rn | tail -n +4 | cut -d' ' -f2- | xargs -r rm -rf
    done
}

images_are_made() {
    [ -e "$(ready_images)" ]
}

build_images() {
    local tar base ready
    tar=$(root_tar)
    base=$(base_images)
    ready=$(ready_images)
    mkdir -p "$LAB_IMAGES"
    exec 8>"$LAB_IMAGES/lock"
    flock -n 8 || {
        say "another invocation makes images in $LAB_IMAGES, waiting for it"
        flock 8
    }
    if [ ! -e "$base" ]; then
        [ "$(id -u)" = 0 ] || die "only root can build the images"
        make_layer "fetching and unpacking the hosts' packages (a minute)" \
            "$tar" make_root
        make_layer "making the disk image (20 seconds)" \
            "$base" make_base "$tar"
    fi
    make_layer "booting host1 and host2 for the first time (a minute)" \
        "$ready" make_ready "$base"
    forget_old_images
    exec 8>&-
}

verb_build() {
    "$LAB_TREE/tools/install-deps" lab
    lock_lab
    if images_are_made; then
        say "the images are up to date"
    else
        build_images
    fi
}
