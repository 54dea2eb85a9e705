/** How listeners speak HTTP. See {@link readTable} for the form. */
export const httpTable = `
message envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
1 codec_type envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.CodecType
2 stat_prefix string - the name counts
3 rds envoy.extensions.filters.network.http_connection_manager.v3.Rds
4 route_config envoy.config.route.v3.RouteConfiguration
5 http_filters envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter[]
6 add_user_agent BoolValue ! User-Agent is the client's
7 tracing envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.Tracing
8 http_protocol_options envoy.config.core.v3.Http1ProtocolOptions
9 http2_protocol_options envoy.config.core.v3.Http2ProtocolOptions
10 server_name string
12 drain_timeout duration - shutdown.timeout counts
13 access_log envoy.config.accesslog.v3.AccessLog[]
14 use_remote_address BoolValue
15 generate_request_id BoolValue
16 forward_client_cert_details envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.ForwardClientCertDetails
17 set_current_client_cert_details message - all that is known of the certificate is sent
18 proxy_100_continue bool - always done
19 xff_num_trusted_hops uint32
20 represent_ipv4_remote_address_as_ipv4_mapped_ipv6 bool - IPv4 stays IPv4
21 skip_xff_append bool ! X-Forwarded-For is written anew
22 via string
23 upgrade_configs envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.UpgradeConfig[]
24 stream_idle_timeout duration
25 internal_address_config message - there is no x-envoy-internal
26 delayed_close_timeout duration - umay waits a second
28 request_timeout duration
29 max_request_headers_kb UInt32Value
30 normalize_path BoolValue - paths are always normalised
31 scoped_routes message x
32 preserve_external_request_id bool
33 merge_slashes bool
34 server_header_transformation envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.ServerHeaderTransformation
35 common_http_protocol_options envoy.config.core.v3.HttpProtocolOptions
36 request_id_extension message x
37 always_set_request_id_in_response bool - always done
38 local_reply_config envoy.extensions.filters.network.http_connection_manager.v3.LocalReplyConfig
39 strip_matching_host_port bool - ports of hosts do not count in routes
40 stream_error_on_invalid_http_message BoolValue - one stream is reset
41 request_headers_timeout duration
42 strip_any_host_port bool - ports of hosts do not count in routes
43 path_normalization_options message x
44 http3_protocol_options message x
45 path_with_escaped_slashes_action envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.PathWithEscapedSlashesAction
46 original_ip_detection_extensions envoy.config.core.v3.TypedExtensionConfig[]
47 strip_trailing_host_dot bool - always done
48 scheme_header_transformation envoy.config.core.v3.SchemeHeaderTransformation
49 proxy_status_config message ! Proxy-Status is not sent
50 typed_header_validation_config envoy.config.core.v3.TypedExtensionConfig x
51 append_x_forwarded_port bool - always done
52 early_header_mutation_extensions envoy.config.core.v3.TypedExtensionConfig[]
53 add_proxy_protocol_connection_state BoolValue - Envoy's own
54 access_log_flush_interval duration - umay's own log
55 flush_access_log_on_new_request bool - umay's own log
56 access_log_options message - umay's own log
57 append_local_overload bool - there is no x-envoy-local-overloaded
58 http1_safe_max_connection_duration bool - always done
59 stream_flush_timeout duration - stream_idle_timeout counts
60 forward_client_cert_matcher message x
61 forward_proto_config message x
62 drain_timeout_jitter message - shutdown.timeout counts
63 record_route_resolution_stats bool - umay counts its own

message envoy.extensions.http.original_ip_detection.xff.v3.XffConfig
1 xff_num_trusted_hops uint32
2 xff_trusted_cidrs envoy.extensions.http.original_ip_detection.xff.v3.XffTrustedCidrs
3 skip_xff_append BoolValue - X-Forwarded-For has the peer, too

message envoy.extensions.http.original_ip_detection.xff.v3.XffTrustedCidrs
1 cidrs envoy.config.core.v3.CidrRange[]

message envoy.extensions.http.original_ip_detection.custom_header.v3.CustomHeaderConfig
1 header_name string
2 allow_extension_to_set_address_as_trusted bool - there is no x-envoy-internal
3 reject_with_status envoy.type.v3.HttpStatus

message envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation
1 mutations envoy.config.common.mutation_rules.v3.HeaderMutation[]

message envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.UpgradeConfig
1 upgrade_type string
2 filters envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter[] x
3 enabled BoolValue

message envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter
1 name string
4 typed_config any
5 config_discovery message x
6 is_optional bool
7 disabled bool

message envoy.extensions.filters.network.http_connection_manager.v3.Rds
1 config_source envoy.config.core.v3.ConfigSource
2 route_config_name string

message envoy.extensions.filters.http.router.v3.Router
1 dynamic_stats BoolValue - umay counts its own
2 start_child_span bool - a request is one span
3 upstream_log envoy.config.accesslog.v3.AccessLog[] - umay's own log
4 suppress_envoy_headers bool - there are no x-envoy fields
5 strict_check_headers string[] - there are no x-envoy fields
6 respect_expected_rq_timeout bool x
7 suppress_grpc_request_failure_code_stats bool - umay counts its own
8 upstream_http_filters envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter[] x
9 upstream_log_options message - umay's own log
10 reject_connect_request_early_data BoolValue - CONNECT is refused

message envoy.config.core.v3.HttpProtocolOptions
1 idle_timeout duration
2 max_headers_count UInt32Value
3 max_connection_duration duration
4 max_stream_duration duration
5 headers_with_underscores_action envoy.config.core.v3.HttpProtocolOptions.HeadersWithUnderscoresAction
6 max_requests_per_connection UInt32Value
7 max_response_headers_kb UInt32Value
8 max_connection_duration_jitter message - umay spreads the ends by itself

message envoy.config.core.v3.Http1ProtocolOptions
1 allow_absolute_url BoolValue - always done
2 accept_http_10 bool - always done
3 default_host_for_http_10 string x
4 header_key_format message ! field names are in lower case
5 enable_trailers bool - trailers pass
6 allow_chunked_length bool ! both lengths in one message are refused
7 override_stream_error_on_invalid_http_message BoolValue - the connection ends
8 send_fully_qualified_url bool x
9 use_balsa_parser BoolValue - umay has its own
10 allow_custom_methods bool - every method passes
11 ignore_http_11_upgrade envoy.type.matcher.v3.StringMatcher[] x

message envoy.config.core.v3.Http2ProtocolOptions
1 hpack_table_size UInt32Value - 4,096 bytes
2 max_concurrent_streams UInt32Value
3 initial_stream_window_size UInt32Value
4 initial_connection_window_size UInt32Value
5 allow_connect bool - WebSocket passes over HTTP/2 wherever it passes
6 allow_metadata bool - frames of Envoy's own are ignored
7 max_outbound_frames UInt32Value - umay counts the cost of a peer
8 max_outbound_control_frames UInt32Value - umay counts the cost of a peer
9 max_consecutive_inbound_frames_with_empty_payload UInt32Value - umay counts the cost of a peer
10 max_inbound_priority_frames_per_stream UInt32Value - umay counts the cost of a peer
11 max_inbound_window_update_frames_per_data_frame_sent UInt32Value - umay counts the cost of a peer
12 stream_error_on_invalid_http_messaging bool - one stream is reset
13 custom_settings_parameters message[] x
14 override_stream_error_on_invalid_http_message BoolValue - one stream is reset
15 connection_keepalive message - umay pings by itself
16 use_oghttp2_codec BoolValue - umay has its own
17 max_metadata_size UInt64Value - frames of Envoy's own are ignored
18 enable_huffman_encoding BoolValue - umay has its own
19 max_header_field_size_kb UInt32Value - max_request_headers_kb counts
20 disallow_obs_text BoolValue ! bytes above 127 pass in values
21 stream_reset_burst UInt64Value - umay counts the cost of a peer
22 stream_reset_rate UInt64Value - umay counts the cost of a peer

enum envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.CodecType
0 AUTO
1 HTTP1
2 HTTP2
3 HTTP3

enum envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.ForwardClientCertDetails
0 SANITIZE
1 FORWARD_ONLY
2 APPEND_FORWARD
3 SANITIZE_SET
4 ALWAYS_FORWARD_ONLY

enum envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.ServerHeaderTransformation
0 OVERWRITE
1 APPEND_IF_ABSENT
2 PASS_THROUGH

enum envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.PathWithEscapedSlashesAction
0 IMPLEMENTATION_SPECIFIC_DEFAULT
1 KEEP_UNCHANGED
2 REJECT_REQUEST
3 UNESCAPE_AND_REDIRECT
4 UNESCAPE_AND_FORWARD

enum envoy.config.core.v3.HttpProtocolOptions.HeadersWithUnderscoresAction
0 ALLOW
1 REJECT_REQUEST
2 DROP_HEADER
`;
