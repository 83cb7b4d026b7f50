# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# Puts what "make install" of this tree installs on both hosts, and restarts
# the daemons.

build_dir() {
    local hash
    hash=$(short_hash <<<"$LAB_TREE")
    echo "${XENFERRY_BUILD_DIR:-$LAB_DIR/build-$hash}"
}

configure_build() {
    local build=$1
    [ -x "$LAB_TREE/configure" ] || (cd "$LAB_TREE" && ./bootstrap)
    mkdir -p "$build"
    cd "$build" || return
    "$LAB_TREE/configure" --prefix=/usr --sysconfdir=/etc --localstatedir=/var
}

make_build() {
    make -C "$1" -j"$(nproc)"
}

stage_build() {
    make -C "$1" install DESTDIR="$2"
    if [ ! -d "$2/usr" ]; then
        echo "the build in $1 installs nothing under /usr; configure it with" \
            "--prefix=/usr --sysconfdir=/etc --localstatedir=/var"
        return 1
    fi
}

write_configuration() {
    mkdir -p "$1/etc/xenferry"
    cat >"$1/etc/xenferry/xenferryd.conf" <<END
[daemon]
listen_tcp=true
tcp_port=16510

[migration]
libvirtd_ports=49152-49216
END
}

verb_install() {
    local build stage host
    "$LAB_TREE/tools/install-deps" build
    lock_lab
    for host in "${LAB_HOSTS[@]}"; do
        need_host "$host"
    done
    build=$(build_dir)
    [ -e "$build/Makefile" ] ||
        with_progress "configuring in $build" configure_build "$build"
    with_progress "building in $build" make_build "$build"
    stage=$(mktemp -d)
    # shellcheck disable=SC2064
    at_exit "rm -rf '$stage'"
    with_progress "installing on host1 and host2" stage_build "$build" "$stage"
    write_configuration "$stage"
    for host in "${LAB_HOSTS[@]}"; do
        tar -c --owner=0 --group=0 -C "$stage" . |
            on_host "$host" tar -x --no-overwrite-dir --warning=no-timestamp \
            --keep-directory-symlink -C /
        host_script "$host" restart.sh ||
            die "xenferryd does not work on $host; see:" \
                "lab ssh $host journalctl -u xenferryd"
    done
}
