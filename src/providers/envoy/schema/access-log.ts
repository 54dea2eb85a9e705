/** Lines of logs, and which requests have one. See {@link readTable} for the form. */
export const accessLogTable = `
message envoy.extensions.access_loggers.file.v3.FileAccessLog
1 path string
2 format string
3 json_format struct
4 typed_json_format struct
5 log_format envoy.config.core.v3.SubstitutionFormatString

message envoy.extensions.access_loggers.stream.v3.StdoutAccessLog
1 log_format envoy.config.core.v3.SubstitutionFormatString

message envoy.extensions.access_loggers.stream.v3.StderrAccessLog
1 log_format envoy.config.core.v3.SubstitutionFormatString

message envoy.config.accesslog.v3.AccessLog
1 name string - the type says it
2 filter envoy.config.accesslog.v3.AccessLogFilter
4 typed_config any

message envoy.config.accesslog.v3.AccessLogFilter
1 status_code_filter envoy.config.accesslog.v3.StatusCodeFilter
2 duration_filter envoy.config.accesslog.v3.DurationFilter
3 not_health_check_filter envoy.config.accesslog.v3.NotHealthCheckFilter
4 traceable_filter message
5 runtime_filter envoy.config.accesslog.v3.RuntimeFilter
6 and_filter envoy.config.accesslog.v3.AndFilter
7 or_filter envoy.config.accesslog.v3.OrFilter
8 header_filter envoy.config.accesslog.v3.HeaderFilter
9 response_flag_filter envoy.config.accesslog.v3.ResponseFlagFilter
10 grpc_status_filter envoy.config.accesslog.v3.GrpcStatusFilter
11 extension_filter message ! every request has a line
12 metadata_filter envoy.config.accesslog.v3.MetadataFilter
13 log_type_filter envoy.config.accesslog.v3.LogTypeFilter

message envoy.config.accesslog.v3.StatusCodeFilter
1 comparison envoy.config.accesslog.v3.ComparisonFilter

message envoy.config.accesslog.v3.DurationFilter
1 comparison envoy.config.accesslog.v3.ComparisonFilter

message envoy.config.accesslog.v3.RuntimeFilter
1 runtime_key string - there are no runtime keys
2 percent_sampled envoy.type.v3.FractionalPercent
3 use_independent_randomness bool - there are no runtime keys

message envoy.config.accesslog.v3.AndFilter
1 filters envoy.config.accesslog.v3.AccessLogFilter[]

message envoy.config.accesslog.v3.OrFilter
2 filters envoy.config.accesslog.v3.AccessLogFilter[]

message envoy.config.accesslog.v3.HeaderFilter
1 header envoy.config.route.v3.HeaderMatcher

message envoy.config.accesslog.v3.ResponseFlagFilter
1 flags string[]

message envoy.config.accesslog.v3.GrpcStatusFilter
1 statuses envoy.config.accesslog.v3.GrpcStatusFilter.Status[]
2 exclude bool

enum envoy.config.accesslog.v3.GrpcStatusFilter.Status
0 OK
1 CANCELED
2 UNKNOWN
3 INVALID_ARGUMENT
4 DEADLINE_EXCEEDED
5 NOT_FOUND
6 ALREADY_EXISTS
7 PERMISSION_DENIED
8 RESOURCE_EXHAUSTED
9 FAILED_PRECONDITION
10 ABORTED
11 OUT_OF_RANGE
12 UNIMPLEMENTED
13 INTERNAL
14 UNAVAILABLE
15 DATA_LOSS
16 UNAUTHENTICATED

message envoy.config.accesslog.v3.NotHealthCheckFilter

message envoy.config.accesslog.v3.MetadataFilter
1 matcher message - there is no metadata
2 match_if_key_not_found BoolValue

message envoy.config.accesslog.v3.LogTypeFilter
1 types envoy.data.accesslog.v3.AccessLogType[]
2 exclude bool

enum envoy.data.accesslog.v3.AccessLogType
0 NotSet
1 TcpUpstreamConnected
2 TcpPeriodic
3 TcpConnectionEnd
4 DownstreamStart
5 DownstreamPeriodic
6 DownstreamEnd
7 UpstreamPoolReady
8 UpstreamPeriodic
9 UpstreamEnd
10 DownstreamTunnelSuccessfullyEstablished
11 UdpTunnelUpstreamConnected
12 UdpPeriodic
13 UdpSessionEnd
14 TcpConnectionStart

message envoy.config.accesslog.v3.ComparisonFilter
1 op envoy.config.accesslog.v3.ComparisonFilter.Op
2 value envoy.config.core.v3.RuntimeUInt32

enum envoy.config.accesslog.v3.ComparisonFilter.Op
0 EQ
1 GE
2 LE
3 NE

message envoy.config.core.v3.RuntimeUInt32
2 default_value uint32
3 runtime_key string - there are no runtime keys
`;
