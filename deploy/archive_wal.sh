#!/bin/sh
# PostgreSQL's archive_command: keep one finished segment of the log, whole or not at all, and never overwrite one.
#
#   wal_level = replica · archive_mode = on · archive_timeout = 60
#   archive_command = '/opt/agora/deploy/archive_wal.sh %p %f /backup/wal'
set -eu
segment="$1" name="$2" archive="$3"

umask 077
mkdir -p "$archive"
if [ -e "$archive/$name" ]; then
    cmp -s "$segment" "$archive/$name" # archived before, and the server did not hear of it: that is fine, if it is this one
    exit
fi
cp "$segment" "$archive/$name.$$.partial"
sync "$archive/$name.$$.partial"
mv "$archive/$name.$$.partial" "$archive/$name"
sync "$archive"
