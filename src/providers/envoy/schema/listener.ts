/** Listeners, their filter chains, and connections that are relayed. See {@link readTable} for the form. */
export const listenerTable = `
message envoy.config.listener.v3.Listener
1 name string
2 address envoy.config.core.v3.Address
3 filter_chains envoy.config.listener.v3.FilterChain[]
4 use_original_dst BoolValue x
5 per_connection_buffer_limit_bytes UInt32Value
6 metadata message - says nothing here
7 deprecated_v1 message x
8 drain_type int32 - every listener drains
9 listener_filters envoy.config.listener.v3.ListenerFilter[]
10 transparent BoolValue x
11 freebind BoolValue x
12 tcp_fast_open_queue_length UInt32Value - not used
13 socket_options envoy.config.core.v3.SocketOption[]
15 listener_filters_timeout duration
16 traffic_direction int32 - says nothing here
17 continue_on_listener_filters_timeout bool - a client that says nothing is relayed anyway
18 udp_listener_config message x
19 api_listener message x
20 connection_balance_config message - umay spreads connections by itself
21 reuse_port bool - always on
22 access_log envoy.config.accesslog.v3.AccessLog[] ! sessions are logged by umay's own log
24 tcp_backlog_size UInt32Value - 4,096
25 default_filter_chain envoy.config.listener.v3.FilterChain
26 bind_to_port BoolValue x
27 internal_listener message x
28 stat_prefix string - the name counts
29 enable_reuse_port BoolValue - always on
30 enable_mptcp bool x
31 ignore_global_conn_limit bool - umay's limits count
32 filter_chain_matcher message x
33 additional_addresses message[] x
34 max_connections_to_accept_per_socket_event UInt32Value - libuv's
35 bypass_overload_manager bool - umay's limits count
36 fcds_config message x
37 tcp_keepalive message - umay sets its own
38 per_connection_buffer_high_watermark_timeout duration ! a side that takes nothing is waited for as long as idle timeouts say
39 stats_matcher message - umay counts its own

message envoy.config.listener.v3.FilterChain
1 filter_chain_match envoy.config.listener.v3.FilterChainMatch
3 filters envoy.config.listener.v3.Filter[]
4 use_proxy_proto BoolValue
5 metadata message - says nothing here
6 transport_socket envoy.config.core.v3.TransportSocket
7 name string
9 transport_socket_connect_timeout duration - timeouts.handshake of the listener counts

message envoy.config.listener.v3.FilterChainMatch
3 prefix_ranges envoy.config.core.v3.CidrRange[]
4 address_suffix string x
5 suffix_len UInt32Value x
6 source_prefix_ranges envoy.config.core.v3.CidrRange[]
7 source_ports uint32[]
8 destination_port UInt32Value
9 transport_protocol string
10 application_protocols string[]
11 server_names string[]
12 source_type envoy.config.listener.v3.FilterChainMatch.ConnectionSourceType
13 direct_source_prefix_ranges envoy.config.core.v3.CidrRange[]

enum envoy.config.listener.v3.FilterChainMatch.ConnectionSourceType
0 ANY
1 SAME_IP_OR_LOOPBACK
2 EXTERNAL

message envoy.config.listener.v3.Filter
1 name string - the type says it
4 typed_config any
5 config_discovery message x

message envoy.config.listener.v3.ListenerFilter
1 name string - the type says it
3 typed_config any
4 filter_disabled message x
5 config_discovery message x

message envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector
1 enable_ja3_fingerprinting BoolValue ! no fingerprints are made
2 initial_read_buffer_size UInt32Value - a hello is read as it comes
3 enable_ja4_fingerprinting BoolValue ! no fingerprints are made
4 close_connection_on_client_hello_parsing_errors bool - always done
5 max_client_hello_size UInt32Value - 16 KiB

message envoy.extensions.filters.listener.http_inspector.v3.HttpInspector

message envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol
1 rules message[] - TLVs are in the log
2 allow_requests_without_proxy_protocol bool
3 pass_through_tlvs message ! a header to backends has umay's own TLVs
4 disallowed_versions int32[] x
5 stat_prefix string - the name counts
6 tlv_location int32 - TLVs are in the log

message envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
1 stat_prefix string - the name counts
2 cluster string
3 downstream_idle_timeout duration x
4 upstream_idle_timeout duration x
5 access_log envoy.config.accesslog.v3.AccessLog[] ! sessions are logged by umay's own log
7 max_connect_attempts UInt32Value ! connect.attempts of the pool is 3
8 idle_timeout duration
9 metadata_match envoy.config.core.v3.Metadata
10 weighted_clusters envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster
11 hash_policy envoy.type.v3.HashPolicy[]
12 tunneling_config message x
13 max_downstream_connection_duration duration
14 on_demand message x
15 access_log_flush_interval duration - umay's own log
16 flush_access_log_on_connected bool - umay's own log
17 access_log_options message x
18 backoff_options message - the next backend is tried at once
19 proxy_protocol_tlvs message[] x
20 max_downstream_connection_duration_jitter_percentage envoy.type.v3.Percent - 10 %
21 upstream_connect_mode int32 x
22 max_early_data_bytes UInt32Value - umay's buffers are bounded
23 proxy_protocol_tlv_merge_policy int32 - proxy_protocol_tlvs are refused
24 check_drain_close BoolValue - shutdown.timeout counts

message envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster
1 clusters envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster.ClusterWeight[]

message envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster.ClusterWeight
1 name string
2 weight uint32
3 metadata_match envoy.config.core.v3.Metadata

message envoy.type.v3.HashPolicy
1 source_ip envoy.type.v3.HashPolicy.SourceIp
2 filter_state message x

message envoy.type.v3.HashPolicy.SourceIp
`;
