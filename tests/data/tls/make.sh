#!/bin/sh
# Makes the certificates of the tests anew: an authority, and four that a server may show, all with one key. They are good
# for a century, but for the one that has ended. Nobody but the tests trusts the authority, whose key is thrown away.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
touch "$work/index"
cat > "$work/config" <<CONFIG
[ca]
default_ca = tests
[tests]
new_certs_dir = $work
database = $work/index
rand_serial = yes
default_md = sha256
policy = names
unique_subject = no
[names]
commonName = supplied
CONFIG
key() {
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"
}
# File, common name, key, extensions, begin, end, and how it is signed.
certificate() {
    file=$1 name=$2 key=$3 extensions=$4 begin=$5 end=$6
    shift 6
    openssl req -new -key "$key" -subj "/CN=$name" -out "$work/request"
    printf '%b' "$extensions" > "$work/extensions"
    openssl ca -batch -notext -config "$work/config" -in "$work/request" -extfile "$work/extensions" -startdate "$begin" -enddate "$end" \
        -out "$file" "$@"
}
of() {
    echo "subjectAltName=DNS:$1\nextendedKeyUsage=serverAuth\n"
}
from=20200101000000Z to=21200101000000Z
key "$work/authority.key"
key server.key
certificate authority.pem "Authority of the tests" "$work/authority.key" "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n" \
    $from $to -selfsign -keyfile "$work/authority.key"
by="-cert authority.pem -keyfile $work/authority.key"
certificate good.pem localhost server.key "$(of localhost)" $from $to $by
certificate another-name.pem example.com server.key "$(of example.com)" $from $to $by
certificate expired.pem localhost server.key "$(of localhost)" $from 20210101000000Z $by
certificate self-signed.pem localhost server.key "$(of localhost)" $from $to -selfsign -keyfile server.key
rm -r "$work"
