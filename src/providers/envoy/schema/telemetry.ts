/** Traces, lines of logs, and answers of umay's own. See {@link readTable} for the form. */
export const telemetryTable = `
message envoy.extensions.filters.network.http_connection_manager.v3.LocalReplyConfig
1 mappers envoy.extensions.filters.network.http_connection_manager.v3.ResponseMapper[]
2 body_format envoy.config.core.v3.SubstitutionFormatString ! umay's own answers have umay's texts

message envoy.extensions.filters.network.http_connection_manager.v3.ResponseMapper
1 filter envoy.config.accesslog.v3.AccessLogFilter
2 status_code UInt32Value
3 body envoy.config.core.v3.DataSource
4 body_format_override envoy.config.core.v3.SubstitutionFormatString
5 headers_to_add message[] ! they are not sent

message envoy.config.core.v3.SubstitutionFormatString
1 text_format string
2 json_format struct
3 omit_empty_values bool
4 content_type string
5 text_format_source envoy.config.core.v3.DataSource
6 formatters message[] - umay writes a line in one way
7 json_format_options message - umay writes a line in one way

message envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.Tracing
3 client_sampling message - no client can ask for a trace
4 random_sampling envoy.type.v3.Percent
5 overall_sampling envoy.type.v3.Percent
6 verbose bool - spans are umay's
7 max_path_tag_length UInt32Value - spans are umay's
8 custom_tags message[] ! spans have umay's attributes
9 provider envoy.config.trace.v3.Tracing.Http
10 spawn_upstream_span BoolValue - spans are umay's
11 operation string - spans are umay's
12 upstream_operation string - spans are umay's
13 no_context_propagation bool ! backends are told of the trace

message envoy.config.trace.v3.Tracing.Http
1 name string - the type says it
3 typed_config any

message envoy.config.trace.v3.OpenTelemetryConfig
1 grpc_service envoy.config.core.v3.GrpcService
2 service_name string
3 http_service envoy.config.core.v3.HttpService
4 resource_detectors message[] ! umay tells its own resource
5 sampler message ! random_sampling counts
6 max_cache_size UInt32Value - spans are sent every half second
7 set_telemetry_sdk_resource_attributes BoolValue - umay tells its own resource
8 set_service_name_resource_attribute BoolValue - umay tells its own resource
9 set_instrumentation_scope BoolValue - umay tells its own scope
10 exporter envoy.config.core.v3.TypedExtensionConfig x use grpc_service or http_service

message envoy.config.core.v3.HttpService
1 http_uri envoy.config.core.v3.HttpUri
2 request_headers_to_add envoy.config.core.v3.HeaderValueOption[]
3 formatters envoy.config.core.v3.TypedExtensionConfig[] x umay runs no plug-ins
`;
