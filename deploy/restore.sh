#!/bin/sh
# Make a data directory from a copy of backup.sh and the archived log. It starts nothing: read docs/deployment.md first.
#
#   deploy/restore.sh COPY NEW_DATA_DIRECTORY WAL_ARCHIVE [MOMENT]
#
# MOMENT: "latest" (default): all that was archived · "copy": as the copy was, no later · a time, "2026-11-22 14:03:00+00".
set -eu
[ $# -ge 3 ] || { sed -n '2,7p' "$0" >&2; exit 2; }
copy="$1" data="$2" archive="$3" moment="${4:-latest}"

[ ! -e "$data" ] || { echo "$data exists: move it away, it may be all that is left" >&2; exit 1; }
case "$archive" in *"'"* | *%*) echo "no quotes or percent signs in $archive, please" >&2; exit 1 ;; esac
${VERIFY_BACKUP:-pg_verifybackup --quiet} "$copy"

umask 077
cp -R "$copy" "$data.partial"
rm -f "$data.partial/postmaster.pid" "$data.partial/standby.signal"
{
    echo "# from restore.sh: $copy, $moment"
    echo "restore_command = 'cp \"$archive/%f\" \"%p\"'"
    echo "recovery_target_action = 'promote'"
    case "$moment" in
    latest) ;;
    copy) echo "recovery_target = 'immediate'" ;;
    *) echo "recovery_target_time = '$moment'" ;;
    esac
} >>"$data.partial/postgresql.auto.conf"
touch "$data.partial/recovery.signal"
mv "$data.partial" "$data"
echo "$data: start PostgreSQL on it, then manage.py audit and manage.py reconcile before anything else"
