#!/usr/bin/env bash
# build.sh FOLDER [without-server]: builds the Gateway API's conformance suite, its echo server, helm and a real
# kube-apiserver into FOLDER. Needs Go. It takes a quarter of an hour of one CPU, and 3 GB of disk for Go's cache.
set -euo pipefail
kubernetes=v1.36.3
gateway_api=v1.6.3
helm=v3.22.0
here=$(cd "$(dirname "$0")" && pwd)
mode=${2:-}
mkdir -p "$1" && cd "$1"
export GOFLAGS=${GOFLAGS:--p=1} CGO_ENABLED=0

mkdir -p conformance && cd conformance
cp "$here/conformance_test.go" .
# Kubernetes' libraries in the server's version: what is compiled for one is there for the other.
cat > go.mod <<EOF
module conformance
go 1.26.0
require (
	sigs.k8s.io/gateway-api $gateway_api
	sigs.k8s.io/gateway-api/conformance $gateway_api
)
EOF
go mod tidy
library=v0.${kubernetes#v1.}
go get "k8s.io/api@$library" "k8s.io/apimachinery@$library" "k8s.io/client-go@$library" "k8s.io/apiextensions-apiserver@$library"
go mod tidy
go build -o ../echo-basic sigs.k8s.io/gateway-api/conformance/echo-basic
go test -c -o ../conformance.test .
go list -m -f '{{.Dir}}' sigs.k8s.io/gateway-api > ../gateway-api-folder
cd ..
[ "$mode" != without-server ] || exit 0

if [ ! -x helm ]; then
  mkdir -p helm-module && cd helm-module
  [ -e go.mod ] || go mod init helm-module
  go get "helm.sh/helm/v3/cmd/helm@$helm"
  go build -o ../helm helm.sh/helm/v3/cmd/helm
  cd ..
fi

# The modules of kubernetes are published one by one, each with the same minor version: its own go.mod has them as folders.
mkdir -p apiserver && cd apiserver
if [ ! -x ../kube-apiserver ]; then
  cat > go.mod <<EOF
module apiserver
go 1.26.0
require k8s.io/kubernetes $kubernetes
EOF
  mod=$(go mod download -json "k8s.io/kubernetes@$kubernetes" | sed -n 's/^\t"GoMod": "\(.*\)",\?$/\1/p')
  sed -n 's/^\t\(k8s\.io\/[a-z-]*\) => .*/replace \1 => \1 v0.'"${kubernetes#v1.}"'/p' "$mod" >> go.mod
  cat > tools.go <<EOF
//go:build tools

package tools

import _ "k8s.io/kubernetes/cmd/kube-apiserver"
EOF
  go mod tidy
  go build -o ../kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver
fi
