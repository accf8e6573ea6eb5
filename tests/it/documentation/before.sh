# What is typed into a shell that ends at the first command that fails.
set -euo pipefail
trap 'echo "the commands at $at, line $LINENO of ./typed: exit $?"; tail -n 20 ./*.log 2>/dev/null' ERR
at='the beginning'

# The program is built.
cargo() { :; }

# An answer that is no success is a failure.
curl() {
    echo "\$ curl $*"
    command curl --fail-with-body -sS "$@"
    echo
}

# The dump that a reader would name.
newest_dump() {
    command curl -fsS "$ANNULI_URL/v1/indexes/packages/dumps" | grep -o '"dump":"[^"]*"' | tail -n 1 | cut -d '"' -f 4
}
