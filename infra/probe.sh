#!/usr/bin/env bash
# Checks a deployed service: infra/probe.sh https://books.example.com
# With TOKEN, an access token, it also checks that the token is accepted. Exit status 1 at the first wrong response.
set -euo pipefail
url=${1%/}

expect() { # expect STATUS WHAT CURL-ARGUMENTS...
    local wanted=$1 what=$2 got
    shift 2
    got=$(curl --silent --output /dev/null --max-time 20 --write-out '%{http_code}' "$@") || true
    if [ "$got" != "$wanted" ]; then
        echo "$what: expected $wanted, got $got" >&2
        exit 1
    fi
    echo "$what: $got"
}

expect 200 "the load balancer's question" "$url/healthz"
expect 200 "what it depends on" "$url/readyz"
expect 401 "writing without a token" --request POST "$url/api/v1/books/"
expect 401 "a wrong token, on a path that is nowhere" --header "Authorization: Bearer wrong" "$url/api/nowhere/"
if [ "${PUBLIC_READ:-true}" = true ]; then
    expect 200 "reading without a token" "$url/api/v1/books/"
else
    expect 401 "no token, on a path that is nowhere" "$url/api/nowhere/"
fi
if [ -n "${TOKEN:-}" ]; then
    # By standard input: the arguments of a process are seen by others.
    expect 404 "a good token, on a path that is nowhere" --header @- "$url/api/nowhere/" <<<"Authorization: Bearer $TOKEN"
fi
