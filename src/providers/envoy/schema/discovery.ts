/** The messages between umay and a control plane. See {@link readTable} for the form. */
export const discoveryTable = `
message envoy.service.discovery.v3.DiscoveryRequest
1 version_info string
2 node envoy.config.core.v3.Node
3 resource_names string[]
4 type_url string
5 response_nonce string
6 error_detail google.rpc.Status
7 resource_locators message[] x

message envoy.service.discovery.v3.DiscoveryResponse
1 version_info string
2 resources bytes[]
3 canary bool - says nothing here
4 type_url string
5 nonce string
6 control_plane message - says nothing here
7 resource_errors message[] - a resource that does not come is waited for

message envoy.service.discovery.v3.DeltaDiscoveryRequest
1 node envoy.config.core.v3.Node
2 type_url string
3 resource_names_subscribe string[]
4 resource_names_unsubscribe string[]
5 initial_resource_versions string{}
6 response_nonce string
7 error_detail google.rpc.Status
8 resource_locators_subscribe message[] x
9 resource_locators_unsubscribe message[] x

message envoy.service.discovery.v3.DeltaDiscoveryResponse
1 system_version_info string
2 resources envoy.service.discovery.v3.Resource[]
4 type_url string
5 nonce string
6 removed_resources string[]
7 control_plane message - says nothing here
8 removed_resource_names message[] x
9 resource_errors message[] - a resource that does not come is waited for

message envoy.service.discovery.v3.Resource
1 version string
2 resource bytes
3 name string
4 aliases string[] - not used
6 ttl duration ! resources do not expire
7 cache_control message x
8 resource_name message x
9 metadata message x

message google.rpc.Status
1 code int32
2 message string
3 details any[] x
`;
