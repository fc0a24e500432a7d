#!/usr/bin/env bash
# Keeps a PostgreSQL of the tests' own: postgres.sh FOLDER PORT. Says in FOLDER/url where it is, and stops it, with all
# that it holds, once no test has used it for a while: a test keeps FOLDER/users locked (shared) as long as it runs.
set -euo pipefail
folder=$1
port=$2
idle_seconds=15

programs=
for folder_of_programs in $(ls -1d /usr/lib/postgresql/*/bin /usr/pgsql-*/bin 2>/dev/null | sort -Vr) ${PATH//:/ }; do
    if [ -x "$folder_of_programs/initdb" ] && [ -x "$folder_of_programs/postgres" ]; then
        programs=$folder_of_programs
        break
    fi
done
if [ -z "$programs" ]; then
    echo "PostgreSQL is not installed, and the suite runs on it too: apt-get install postgresql" >&2
    exit 1
fi

home=$(mktemp -d "${TMPDIR:-/tmp}/parrain-postgres.XXXXXX")
server=
finish() {
    rm -f "$folder/url"
    [ -z "$server" ] || { kill -QUIT "$server" 2>/dev/null; wait "$server" 2>/dev/null; } || true
    rm -rf "$home"
}
trap finish EXIT
trap 'exit 1' TERM INT

# It refuses to run as root.
as_owner=()
if [ "$(id -u)" = 0 ]; then
    chown postgres: "$home"
    as_owner=(setpriv --reuid postgres --regid postgres --init-groups)
fi

cd "$home"
password=$(tr -d - < /proc/sys/kernel/random/uuid)
printf '%s\n' "$password" > password
chmod 644 password
"${as_owner[@]}" "$programs/initdb" --pgdata data --username parrain --auth password --pwfile password \
    --encoding UTF8 --locale C --no-sync > initdb.log
rm password
# What a crash of the machine would lose is of no use after the run: nothing is forced to the disk.
cat >> data/postgresql.conf <<SETTINGS
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = '$home'
max_connections = 300
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
SETTINGS
"${as_owner[@]}" "$programs/postgres" -D data &
server=$!
# Its last line says whether it takes connections.
until [ "$(sed -n '$s/ *//gp' data/postmaster.pid 2>/dev/null)" = ready ]; do
    kill -0 "$server"
    sleep 0.05
done
printf 'postgres://parrain:%s@127.0.0.1:%s/' "$password" "$port" > "$folder/url.new"
mv "$folder/url.new" "$folder/url"

exec 9>> "$folder/users"
idle=0
while kill -0 "$server" 2>/dev/null; do
    if flock --exclusive --nonblock 9; then
        # The lock is kept while it stops: a test that comes now waits, and then starts another.
        [ "$idle" -lt "$idle_seconds" ] || exit 0
        idle=$((idle + 1))
        flock --unlock 9
    else
        idle=0
    fi
    sleep 1
done
