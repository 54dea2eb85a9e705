module umay.test/control-plane

go 1.23

require (
	github.com/envoyproxy/go-control-plane v0.13.4
	github.com/envoyproxy/go-control-plane/envoy v1.32.4
	google.golang.org/grpc v1.70.0
	google.golang.org/protobuf v1.36.5
)
