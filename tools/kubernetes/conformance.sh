#!/usr/bin/env bash
# conformance.sh FOLDER [FLAG…]: runs all of the Gateway API's conformance suite that umay claims, and writes the outcome to
# docs/conformance/. FOLDER is what build.sh made. Needs root for a network namespace.
set -euo pipefail
folder=$1
shift
cd "$(dirname "$0")/../.."
export PATH=$PWD/node_modules/.bin:$PATH CONFORMANCE_REPORT=$PWD/docs/conformance
exec node tools/kubernetes/cluster.ts "$folder" node tools/kubernetes/conformance.ts \
  -conformance-profiles=GATEWAY-HTTP,GATEWAY-GRPC,GATEWAY-TLS,GATEWAY-TCP "$@"
