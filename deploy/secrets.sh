#!/bin/sh
# Make what an installation can make by itself, in FOLDER: keys and passwords, each in a file of its own. What is there is
# left alone. The vendors' keys are yours to put there; the files that are still empty are named.
#
#   deploy/secrets.sh FOLDER [HOST_OF_POSTGRESQL]
#
# HOST: a socket's folder (default /var/run/postgresql) or a name; with a name, over TLS with a checked certificate.
set -eu
[ $# -ge 1 ] || { sed -n '2,7p' "$0" >&2; exit 2; }
folder="$1" host="${2:-/var/run/postgresql}"
umask 077
mkdir -p "$folder"
cd "$folder"

random() { head -c "$1" /dev/urandom | base64 | tr -d '\n'; }
letters() { head -c 512 /dev/urandom | base64 | tr -dc 'A-Za-z0-9' | head -c "$1"; } # safe in a URL
hex32() { head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n'; }
keep() { [ -s "$1" ] || cat >"$1"; } # the file's content is read only when it is missing

keep secret_key <<-END
	$(letters 64)
	END
keep pii_keys <<-END
	k1:$(random 32)
	END
keep pii_index_key <<-END
	$(random 32)
	END
keep jwt.json <<-END
	["0x$(hex32)"]
	END
keep metrics_token <<-END
	$(letters 32)
	END
for name in postgres owner app web readonly grafana; do
    keep "${name}_password" <<-END
	$(letters 32)
	END
done

case "$host" in
/*) where="$(printf %s "$host" | sed 's|/|%2F|g')/agora" ;;
*) where="$host:5432/agora?sslmode=verify-full&sslrootcert=/etc/agora/postgres-ca.pem" ;;
esac
for role in owner app web; do
    keep "database_url_$role" <<-END
	postgres://agora_$role:$(cat "${role}_password")@$where
	END
done
for name in email_url chain_rpc_urls alpaca_key_id alpaca_secret_key fireblocks_api_key fireblocks.pem \
    fireblocks_signer.pem signer.toml attestors.json publisher.json report_attestor.json; do
    [ -s "$name" ] || { : >"$name"; echo "$folder/$name is empty: docs/deployment.md" >&2; }
done
