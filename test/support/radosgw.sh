#!/usr/bin/env bash
# A throw-away S3 server: Ceph's radosgw over one monitor and one OSD that keep everything in memory.
# Arguments: folder of the run, name of the server's folder in it, pid of the owner, monitor port, S3 port, first of 100
# ports for the OSD. The keys are test / testtest.
# Writes the file "ready" when it answers, stays until the owner is gone, then kills its daemons and removes the run's
# folder.
set -eu
RUN=$1 B=$1/$2 OWNER=$3 MON_PORT=$4 S3_PORT=$5 OSD_PORT=$6
FSID=$(cat /proc/sys/kernel/random/uuid)
mkdir -p "$B/mon" "$B/osd" "$B/rgw" "$B/log"

finish() {
  trap - EXIT TERM INT
  for daemon in $(jobs -p); do kill -9 "$daemon" 2>/dev/null || true; done
}
trap finish EXIT TERM INT

# Each of these settings was needed or saves seconds: "crc" because radosgw hangs without authentication otherwise,
# short intervals for the start, small pages because objects are small.
cat > "$B/ceph.conf" <<C
[global]
fsid = $FSID
mon initial members = a
mon host = 127.0.0.1:$MON_PORT
public addr = 127.0.0.1
ms bind ipv6 = false
ms_bind_port_min = $OSD_PORT
ms_bind_port_max = $((OSD_PORT + 99))
auth cluster required = none
auth service required = none
auth client required = none
run dir = $B
log file = $B/log/\$name.log
admin socket = $B/\$name.asok
pid file = $B/\$name.pid
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pgp num = 8
osd pool default pg autoscale mode = off
mon allow pool size one = true
mon max pg per osd = 1000
osd crush chooseleaf type = 0
mon data avail crit = 1
mon data avail warn = 2
paxos propose interval = 0.02
paxos min wait = 0.01
mon tick interval = 1
[mon.a]
mon addr = 127.0.0.1:$MON_PORT
mon data = $B/mon
[osd.0]
osd objectstore = memstore
osd data = $B/osd
memstore device bytes = 2G
memstore page size = 4096
osd memory target = 1G
osd op queue = wpq
[client.rgw.a]
rgw frontends = beast endpoint=127.0.0.1:$S3_PORT tcp_nodelay=1
rgw data = $B/rgw
ms mon client mode = crc
rgw run sync thread = false
rgw enable lc threads = false
rgw dynamic resharding = false
debug rgw = 0/0
C
# Packages that were only unpacked have their plugins elsewhere.
if [ -n "${CEPH_LIB:-}" ]; then
  cat >> "$B/ceph.conf" <<C
[global]
plugin dir = $CEPH_LIB/ceph
erasure code dir = $CEPH_LIB/ceph/erasure-code
osd class dir = $CEPH_LIB/rados-classes
C
fi

# Runs a command until it succeeds, for at most a minute.
retry() {
  local deadline=$((SECONDS + 60))
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $deadline ] || { echo "gave up on: $*" >&2; return 1; }
    sleep 0.1
  done
}
osd_is_up() { timeout 5 ceph -c "$B/ceph.conf" osd stat | grep -q '1 up'; }
answers() { (exec 3<>"/dev/tcp/127.0.0.1/$S3_PORT"); }

monmaptool --create --add a "127.0.0.1:$MON_PORT" --fsid "$FSID" "$B/monmap"
ceph-mon -c "$B/ceph.conf" -i a --mkfs --monmap "$B/monmap"
ceph-mon -c "$B/ceph.conf" -i a -f &
retry timeout 5 ceph -c "$B/ceph.conf" -s
OSD_UUID=$(cat /proc/sys/kernel/random/uuid)
ceph -c "$B/ceph.conf" osd new "$OSD_UUID"
ceph-osd -c "$B/ceph.conf" -i 0 --mkfs --osd-uuid "$OSD_UUID"
ceph -c "$B/ceph.conf" osd crush add osd.0 1.0 host=localhost root=default
ceph-osd -c "$B/ceph.conf" -i 0 -f &
retry osd_is_up
radosgw-admin -c "$B/ceph.conf" -n client.rgw.a user create \
  --uid test --display-name test --access-key test --secret testtest
radosgw -c "$B/ceph.conf" -n client.rgw.a -f &
RGW=$!
retry answers
kill -0 "$RGW"
touch "$B/ready"

while kill -0 "$OWNER" 2>/dev/null; do sleep 1; done
finish
rm -rf "$RUN"
