// A control plane made of go-control-plane, which Envoy's own users build theirs of. It reads snapshots from standard
// input, one JSON object a line, and tells what clients ask and refuse on standard output.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/tcp_proxy/v3"
	tls "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

type oneNode struct{}

func (oneNode) ID(*core.Node) string { return "all" }

// A snapshot as it is read. Endpoints are made here where there are many of them.
type command struct {
	Version   string            `json:"version"`
	Resources []json.RawMessage `json:"resources"`
}

func tell(line map[string]any) {
	text, _ := json.Marshal(line)
	fmt.Println(string(text))
}

func told(typeURL, nonce string, status any, message string) {
	if nonce != "" {
		tell(map[string]any{"type": typeURL, "nonce": nonce, "refusal": message})
	}
}

var urls = map[string]string{
	"envoy.config.cluster.v3.Cluster":                              resource.ClusterType,
	"envoy.config.endpoint.v3.ClusterLoadAssignment":               resource.EndpointType,
	"envoy.config.listener.v3.Listener":                            resource.ListenerType,
	"envoy.config.route.v3.RouteConfiguration":                     resource.RouteType,
	"envoy.extensions.transport_sockets.tls.v3.Secret":             resource.SecretType,
}

func read(raw json.RawMessage) (proto.Message, error) {
	var any anypb.Any
	if err := protojson.Unmarshal(raw, &any); err != nil {
		return nil, err
	}
	return any.UnmarshalNew()
}

func main() {
	var _ = []proto.Message{&cluster.Cluster{}, &endpoint.ClusterLoadAssignment{}, &listener.Listener{}, &route.RouteConfiguration{}, &tls.Secret{}}
	snapshots := cache.NewSnapshotCache(true, oneNode{}, nil)
	callbacks := server.CallbackFuncs{
		StreamRequestFunc: func(_ int64, r *discovery.DiscoveryRequest) error {
			told(r.TypeUrl, r.ResponseNonce, r.ErrorDetail, r.GetErrorDetail().GetMessage())
			return nil
		},
		StreamDeltaRequestFunc: func(_ int64, r *discovery.DeltaDiscoveryRequest) error {
			told(r.TypeUrl, r.ResponseNonce, r.ErrorDetail, r.GetErrorDetail().GetMessage())
			return nil
		},
	}
	port := "0"
	if len(os.Args) > 1 {
		port = os.Args[1]
	}
	socket, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		panic(err)
	}
	calls := grpc.NewServer()
	discovery.RegisterAggregatedDiscoveryServiceServer(calls, server.NewServer(context.Background(), snapshots, callbacks))
	go func() { panic(calls.Serve(socket)) }()
	tell(map[string]any{"port": socket.Addr().(*net.TCPAddr).Port})
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 1<<20), 1<<28)
	for lines.Scan() {
		var next command
		if err := json.Unmarshal(lines.Bytes(), &next); err != nil {
			panic(err)
		}
		all := map[resource.Type][]types.Resource{}
		for _, raw := range next.Resources {
			message, err := read(raw)
			if err != nil {
				panic(err)
			}
			url := urls[string(message.ProtoReflect().Descriptor().FullName())]
			all[url] = append(all[url], message)
		}
		snapshot, err := cache.NewSnapshot(next.Version, all)
		if err != nil {
			panic(err)
		}
		if err := snapshots.SetSnapshot(context.Background(), "all", snapshot); err != nil {
			panic(err)
		}
		tell(map[string]any{"set": next.Version})
	}
}
