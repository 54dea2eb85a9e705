/** Health checks, ejection, and the words for health. See {@link readTable} for the form. */
export const healthTable = `
message envoy.config.cluster.v3.OutlierDetection
1 consecutive_5xx UInt32Value
2 interval duration - failures are judged at once
3 base_ejection_time duration
4 max_ejection_percent UInt32Value
5 enforcing_consecutive_5xx UInt32Value
6 enforcing_success_rate UInt32Value
7 success_rate_minimum_hosts UInt32Value
8 success_rate_request_volume UInt32Value
9 success_rate_stdev_factor UInt32Value
10 consecutive_gateway_failure UInt32Value
11 enforcing_consecutive_gateway_failure UInt32Value
12 split_external_local_origin_errors bool - not used
13 consecutive_local_origin_failure UInt32Value ! consecutive_5xx counts
14 enforcing_consecutive_local_origin_failure UInt32Value - not used
15 enforcing_local_origin_success_rate UInt32Value - not used
16 failure_percentage_threshold UInt32Value
17 enforcing_failure_percentage UInt32Value
18 enforcing_failure_percentage_local_origin UInt32Value - not used
19 failure_percentage_minimum_hosts UInt32Value
20 failure_percentage_request_volume UInt32Value
21 max_ejection_time duration
22 max_ejection_time_jitter duration - umay spreads ejections by itself
23 successful_active_health_check_uneject_host BoolValue
24 monitors envoy.config.core.v3.TypedExtensionConfig[] x
25 always_eject_one_host BoolValue
26 detect_degraded_hosts BoolValue ! x-envoy-degraded of an answer is not looked at

message envoy.config.core.v3.HealthCheck
1 timeout duration
2 interval duration
3 interval_jitter duration - umay spreads checks by itself
4 unhealthy_threshold UInt32Value
5 healthy_threshold UInt32Value
6 alt_port UInt32Value
7 reuse_connection BoolValue - a check has a connection of its own
8 http_health_check envoy.config.core.v3.HealthCheck.HttpHealthCheck
9 tcp_health_check envoy.config.core.v3.HealthCheck.TcpHealthCheck
11 grpc_health_check envoy.config.core.v3.HealthCheck.GrpcHealthCheck
12 no_traffic_interval duration - interval counts
13 custom_health_check message x
14 unhealthy_interval duration - interval counts
15 unhealthy_edge_interval duration - interval counts
16 healthy_edge_interval duration - interval counts
17 event_log_path string - the log has it
18 interval_jitter_percent uint32 - umay spreads checks by itself
19 always_log_health_check_failures bool - the log has changes
20 initial_jitter duration - umay spreads checks by itself
21 tls_options message x
22 event_service message x
23 transport_socket_match_criteria struct
24 no_traffic_healthy_interval duration - interval counts
25 event_logger envoy.config.core.v3.TypedExtensionConfig[] - the log has it
26 always_log_health_check_success bool - the log has changes
27 name string - the name counts nothing

message envoy.config.core.v3.HealthCheck.HttpHealthCheck
1 host string
2 path string
3 send envoy.config.core.v3.HealthCheck.Payload x
4 receive envoy.config.core.v3.HealthCheck.Payload[] x
6 request_headers_to_add envoy.config.core.v3.HeaderValueOption[] x
8 request_headers_to_remove string[] x
9 expected_statuses envoy.type.v3.Int64Range[]
10 codec_client_type envoy.type.v3.CodecClientType
11 service_name_matcher envoy.type.matcher.v3.StringMatcher ! the answer's service is not looked at
12 retriable_statuses envoy.type.v3.Int64Range[] ! every wrong status counts
13 method envoy.config.core.v3.RequestMethod
14 response_buffer_size UInt64Value x
15 use_alpn_protocol bool x use codec_client_type

message envoy.config.core.v3.HealthCheck.TcpHealthCheck
1 send envoy.config.core.v3.HealthCheck.Payload
2 receive envoy.config.core.v3.HealthCheck.Payload[]
3 proxy_protocol_config envoy.config.core.v3.ProxyProtocolConfig

message envoy.config.core.v3.HealthCheck.Payload
1 text string
2 binary bytes

message envoy.config.core.v3.HealthCheck.GrpcHealthCheck
1 service_name string
2 authority string
3 initial_metadata envoy.config.core.v3.HeaderValueOption[] x

enum envoy.config.core.v3.HealthStatus
0 UNKNOWN
1 HEALTHY
2 UNHEALTHY
3 DRAINING
4 TIMEOUT
5 DEGRADED

enum envoy.type.v3.CodecClientType
0 HTTP1
1 HTTP2
2 HTTP3

enum envoy.config.core.v3.RequestMethod
0 METHOD_UNSPECIFIED
1 GET
2 HEAD
3 POST
4 PUT
5 DELETE
6 CONNECT
7 OPTIONS
8 TRACE
9 PATCH
`;
