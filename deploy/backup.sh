#!/bin/sh
# A checked physical copy of the whole PostgreSQL cluster, while it serves. With the archived log (archive_wal.sh) it
# restores to any moment since. Run it daily, as a login with REPLICATION; keep the folder on another machine.
#
#   PGHOST=… PGUSER=… PGPASSFILE=… BACKUP_DIR=/backup deploy/backup.sh
#
# VERIFY_BACKUP: the program that checks it (pg_verifybackup). BACKUP_KEEP: how many are kept (7). Exit 0 and the copy's path: it is whole, and every file has its checksum.
set -eu
: "${BACKUP_DIR:?is where copies go}"
keep="${BACKUP_KEEP:-7}"
copy="$BACKUP_DIR/base-$(date -u +%Y%m%dT%H%M%SZ)"

umask 077
mkdir -p "$BACKUP_DIR"
rm -rf "$BACKUP_DIR"/base-*.partial # of a run that was killed
pg_basebackup --pgdata="$copy.partial" --format=plain --checkpoint=fast --wal-method=stream \
    --manifest-checksums=SHA256 --no-password
${VERIFY_BACKUP:-pg_verifybackup --quiet} "$copy.partial"
mv "$copy.partial" "$copy"

# The oldest go, with nothing left behind that looks whole.
find "$BACKUP_DIR" -maxdepth 1 -type d -name 'base-*Z' | sort -r | tail -n +"$((keep + 1))" | while read -r old; do
    mv "$old" "$old.partial"
    rm -rf "$old.partial"
done
echo "$copy"
