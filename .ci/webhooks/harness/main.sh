. ./verify.sh

# Tabs that follow each other are one separator to read, so fields are cut by number.
while IFS= read -r line; do
    field() { printf '%s' "$line" | cut -f "$1"; }
    # shellcheck disable=SC2059
    printf "$(field 7 | sed 's/../\\x&/g')" > body
    if verify body "$(field 3)" "$(field 2)" "$(field 1)"; then echo true; else echo false; fi
done
