# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# Run on a host: restarts xenferryd and waits until it answers on its socket
# and listens on TCP.
set -eu
systemctl daemon-reload
systemctl restart xenferryd.service
for _ in $(seq 200); do
    if xenferry list >/dev/null 2>&1 &&
        [ -n "$(ss -Hltn 'sport = :16510')" ]; then
        exit 0
    fi
    if systemctl -q is-failed xenferryd.service; then
        break
    fi
    sleep 0.1
done
systemctl status --no-pager xenferryd.service >&2 || true
xenferry list >&2 || true
exit 1
