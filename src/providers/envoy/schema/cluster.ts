/** Clusters, their endpoints, limits and protocols. See {@link readTable} for the form. */
export const clusterTable = `
message envoy.config.cluster.v3.Cluster
1 name string
2 type envoy.config.cluster.v3.Cluster.DiscoveryType
3 eds_cluster_config envoy.config.cluster.v3.Cluster.EdsClusterConfig
4 connect_timeout duration
5 per_connection_buffer_limit_bytes UInt32Value - umay's buffers are bounded
6 lb_policy envoy.config.cluster.v3.Cluster.LbPolicy
8 health_checks envoy.config.core.v3.HealthCheck[]
9 max_requests_per_connection UInt32Value - connections to backends are used again
10 circuit_breakers envoy.config.cluster.v3.CircuitBreakers
13 http_protocol_options envoy.config.core.v3.Http1ProtocolOptions - only HTTP/1.1 has them
14 http2_protocol_options envoy.config.core.v3.Http2ProtocolOptions
16 dns_refresh_rate duration - the record's TTL counts
17 dns_lookup_family envoy.config.cluster.v3.Cluster.DnsLookupFamily
18 dns_resolvers envoy.config.core.v3.Address[] x
19 outlier_detection envoy.config.cluster.v3.OutlierDetection
20 cleanup_interval duration
21 upstream_bind_config envoy.config.core.v3.BindConfig
22 lb_subset_config envoy.config.cluster.v3.Cluster.LbSubsetConfig
23 ring_hash_lb_config envoy.config.cluster.v3.Cluster.RingHashLbConfig
24 transport_socket envoy.config.core.v3.TransportSocket
25 metadata envoy.config.core.v3.Metadata
26 protocol_selection int32 - the client's version does not matter
27 common_lb_config envoy.config.cluster.v3.Cluster.CommonLbConfig
28 alt_stat_name string - the name counts
29 common_http_protocol_options envoy.config.core.v3.HttpProtocolOptions
30 upstream_connection_options envoy.config.cluster.v3.UpstreamConnectionOptions
31 close_connections_on_host_health_failure bool ! sessions stay
32 ignore_health_on_host_removal bool - a backend that leaves takes no sessions
33 load_assignment envoy.config.endpoint.v3.ClusterLoadAssignment
34 original_dst_lb_config envoy.config.cluster.v3.Cluster.OriginalDstLbConfig
36 typed_extension_protocol_options any{}
37 least_request_lb_config envoy.config.cluster.v3.Cluster.LeastRequestLbConfig
38 cluster_type message x
39 respect_dns_ttl bool - always done
40 filters message[] x
41 load_balancing_policy envoy.config.cluster.v3.LoadBalancingPolicy
42 lrs_server envoy.config.core.v3.ConfigSource ! loads are not reported
43 transport_socket_matches envoy.config.cluster.v3.Cluster.TransportSocketMatch[]
44 dns_failure_refresh_rate message - umay has its own
45 use_tcp_for_dns_lookups bool - umay falls back to TCP by itself
46 upstream_http_protocol_options envoy.config.core.v3.UpstreamHttpProtocolOptions
47 track_timeout_budgets bool - Envoy's own
48 upstream_config envoy.config.core.v3.TypedExtensionConfig x
49 track_cluster_stats message - Envoy's own
50 preconnect_policy message ! connections are made when they are needed
51 connection_pool_per_downstream_connection bool x
52 maglev_lb_config message - the table's size is umay's
53 dns_resolution_config message - the system's nameservers are asked
54 wait_for_warm_on_init BoolValue - backends are waited for
55 typed_dns_resolver_config envoy.config.core.v3.TypedExtensionConfig - the system's nameservers are asked
56 round_robin_lb_config envoy.config.cluster.v3.Cluster.RoundRobinLbConfig
57 lrs_report_endpoint_metrics string[] x
58 dns_jitter duration - umay spreads lookups by itself
59 transport_socket_matcher message x
60 per_connection_buffer_high_watermark_timeout duration ! a side that takes nothing is waited for as long as idle timeouts say
61 stats_matcher message - umay counts its own
62 queuing_policies message ! the request that waits longest is the next

message envoy.config.cluster.v3.Cluster.TransportSocketMatch
1 name string - nothing is counted by it
2 match struct
3 transport_socket envoy.config.core.v3.TransportSocket

message envoy.config.cluster.v3.UpstreamConnectionOptions
1 tcp_keepalive envoy.config.core.v3.TcpKeepalive
2 set_local_interface_name_on_upstream_connections bool - nothing here asks for it
3 happy_eyeballs_config message ! addresses of a name are tried by turns, families in their order

message envoy.config.core.v3.TcpKeepalive
1 keepalive_probes UInt32Value ! the system says how many probes there are
2 keepalive_time UInt32Value
3 keepalive_interval UInt32Value ! the system says how far apart probes are

message envoy.config.cluster.v3.Cluster.OriginalDstLbConfig
1 use_http_header bool
2 http_header_name string
3 upstream_port_override UInt32Value
4 metadata_key message x umay's filters leave no metadata; use http_header_name

message envoy.config.cluster.v3.Cluster.EdsClusterConfig
1 eds_config envoy.config.core.v3.ConfigSource
2 service_name string

message envoy.config.cluster.v3.Cluster.CommonLbConfig
1 healthy_panic_threshold envoy.type.v3.Percent
2 zone_aware_lb_config envoy.config.cluster.v3.Cluster.CommonLbConfig.ZoneAwareLbConfig
3 locality_weighted_lb_config envoy.config.cluster.v3.Cluster.CommonLbConfig.LocalityWeightedLbConfig
4 update_merge_window duration - changes are merged by umay
5 ignore_new_hosts_until_first_hc bool - a new backend takes no sessions before its first check
6 close_connections_on_host_set_change bool ! sessions stay
7 consistent_hashing_lb_config envoy.config.cluster.v3.Cluster.CommonLbConfig.ConsistentHashingLbConfig
8 override_host_status message - Envoy's own

message envoy.config.cluster.v3.CircuitBreakers
1 thresholds envoy.config.cluster.v3.CircuitBreakers.Thresholds[]
2 per_host_thresholds envoy.config.cluster.v3.CircuitBreakers.Thresholds[]

message envoy.config.cluster.v3.CircuitBreakers.Thresholds
1 priority envoy.config.core.v3.RoutingPriority
2 max_connections UInt32Value
3 max_pending_requests UInt32Value
4 max_requests UInt32Value
5 max_retries UInt32Value
6 track_remaining bool - umay counts its own
7 max_connection_pools UInt32Value - Envoy's own
8 retry_budget envoy.config.cluster.v3.CircuitBreakers.Thresholds.RetryBudget

message envoy.config.cluster.v3.CircuitBreakers.Thresholds.RetryBudget
1 budget_percent envoy.type.v3.Percent
2 min_retry_concurrency UInt32Value
3 budget_interval duration ! requests under way count, not those of a time

message envoy.config.endpoint.v3.ClusterLoadAssignment
1 cluster_name string
2 endpoints envoy.config.endpoint.v3.LocalityLbEndpoints[]
4 policy envoy.config.endpoint.v3.ClusterLoadAssignment.Policy
5 named_endpoints envoy.config.endpoint.v3.Endpoint{} x

message envoy.config.endpoint.v3.ClusterLoadAssignment.Policy
2 drop_overloads message[] x
3 overprovisioning_factor UInt32Value
4 endpoint_stale_after duration ! endpoints do not grow stale
6 weighted_priority_health bool - not used

message envoy.config.endpoint.v3.LocalityLbEndpoints
1 locality envoy.config.core.v3.Locality
2 lb_endpoints envoy.config.endpoint.v3.LbEndpoint[]
3 load_balancing_weight UInt32Value
5 priority uint32
6 proximity UInt32Value - zones do not count
7 load_balancer_endpoints message x
8 leds_cluster_locality_config message x
9 metadata envoy.config.core.v3.Metadata

message envoy.config.endpoint.v3.LbEndpoint
1 endpoint envoy.config.endpoint.v3.Endpoint
2 health_status envoy.config.core.v3.HealthStatus
3 metadata envoy.config.core.v3.Metadata
4 load_balancing_weight UInt32Value
5 endpoint_name string x

message envoy.config.endpoint.v3.Endpoint
1 address envoy.config.core.v3.Address
2 health_check_config message ! health_checks of the cluster count
3 hostname string
4 additional_addresses message[] x
5 observability_name string - a backend is named by its address

message envoy.extensions.upstreams.http.v3.HttpProtocolOptions
1 common_http_protocol_options envoy.config.core.v3.HttpProtocolOptions
2 upstream_http_protocol_options envoy.config.core.v3.UpstreamHttpProtocolOptions
3 explicit_http_config envoy.extensions.upstreams.http.v3.HttpProtocolOptions.ExplicitHttpConfig
4 use_downstream_protocol_config envoy.extensions.upstreams.http.v3.HttpProtocolOptions.UseDownstreamHttpConfig
5 auto_config envoy.extensions.upstreams.http.v3.HttpProtocolOptions.AutoHttpConfig
6 http_filters envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter[] x
7 header_validation_config envoy.config.core.v3.TypedExtensionConfig x
8 outlier_detection message x
9 request_mirror_policies message[] x
10 hash_policy message[] x
11 retry_policy message x

message envoy.extensions.upstreams.http.v3.HttpProtocolOptions.ExplicitHttpConfig
1 http_protocol_options envoy.config.core.v3.Http1ProtocolOptions
2 http2_protocol_options envoy.config.core.v3.Http2ProtocolOptions
3 http3_protocol_options message x

message envoy.extensions.upstreams.http.v3.HttpProtocolOptions.UseDownstreamHttpConfig
1 http_protocol_options envoy.config.core.v3.Http1ProtocolOptions - the settings of pools count
2 http2_protocol_options envoy.config.core.v3.Http2ProtocolOptions - the settings of pools count
3 http3_protocol_options message - the settings of pools count

message envoy.extensions.upstreams.http.v3.HttpProtocolOptions.AutoHttpConfig
1 http_protocol_options envoy.config.core.v3.Http1ProtocolOptions - the settings of pools count
2 http2_protocol_options envoy.config.core.v3.Http2ProtocolOptions - the settings of pools count
3 http3_protocol_options message - the settings of pools count
4 alternate_protocols_cache_options message - the settings of pools count

message envoy.config.core.v3.UpstreamHttpProtocolOptions
1 auto_sni bool
2 auto_san_validation bool
3 override_auto_sni_header string x

message envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport
1 config envoy.config.core.v3.ProxyProtocolConfig
2 transport_socket envoy.config.core.v3.TransportSocket
3 allow_unspecified_address bool - such a header says LOCAL or UNKNOWN
4 tlv_as_pool_key bool - connections with a header are not shared

message envoy.config.core.v3.ProxyProtocolConfig
1 version envoy.config.core.v3.ProxyProtocolConfig.Version
2 pass_through_tlvs message ! a header to backends has umay's own TLVs
3 added_tlvs message[] x

message envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer

enum envoy.config.cluster.v3.Cluster.DiscoveryType
0 STATIC
1 STRICT_DNS
2 LOGICAL_DNS
3 EDS
4 ORIGINAL_DST

enum envoy.config.cluster.v3.Cluster.DnsLookupFamily
0 AUTO
1 V4_ONLY
2 V6_ONLY
3 V4_PREFERRED
4 ALL

enum envoy.config.core.v3.RoutingPriority
0 DEFAULT
1 HIGH

enum envoy.config.core.v3.ProxyProtocolConfig.Version
0 V1
1 V2
`;
