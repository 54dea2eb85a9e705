/** Messages that others are made of. See {@link readTable} for the form. */
export const coreTable = `
message envoy.config.core.v3.Node
1 id string
2 cluster string
3 metadata struct
4 locality envoy.config.core.v3.Locality
6 user_agent_name string - umay says its own
7 user_agent_version string - umay says its own
8 user_agent_build_version message - umay says its own
9 extensions message[] - umay says its own
10 client_features string[] - umay says its own
11 listening_addresses envoy.config.core.v3.Address[] x
12 dynamic_parameters message{} - not sent

message envoy.config.core.v3.Locality
1 region string
2 zone string
3 sub_zone string

message envoy.config.core.v3.Metadata
1 filter_metadata struct{}
2 typed_filter_metadata any{} - not used

message envoy.config.core.v3.Address
1 socket_address envoy.config.core.v3.SocketAddress
2 pipe envoy.config.core.v3.Pipe
3 envoy_internal_address message x

message envoy.config.core.v3.SocketAddress
1 protocol envoy.config.core.v3.SocketAddress.Protocol
2 address string
3 port_value uint32
4 named_port string x
5 resolver_name string x
6 ipv4_compat bool - [::] takes IPv4 anyway
7 network_namespace_filepath string x

message envoy.config.core.v3.Pipe
1 path string
2 mode uint32 - the file has umay's rights

message envoy.config.core.v3.BindConfig
1 source_address envoy.config.core.v3.SocketAddress
2 freebind BoolValue x
3 socket_options envoy.config.core.v3.SocketOption[]
4 additional_source_addresses message[] x it is deprecated; use extra_source_addresses
5 extra_source_addresses envoy.config.core.v3.ExtraSourceAddress[]
6 local_address_selector envoy.config.core.v3.TypedExtensionConfig x
7 validate_network_namespaces bool - there are no network namespaces

message envoy.config.core.v3.ExtraSourceAddress
1 address envoy.config.core.v3.SocketAddress
2 socket_options message x

message envoy.config.core.v3.SocketOption
1 description string - a comment
2 level int64
3 name int64
4 int_value int64 - options are known by their numbers
5 buf_value bytes - options are known by their numbers
6 state int32 - options are known by their numbers
7 type message - options are known by their numbers
8 ip_version int32 - options are known by their numbers

message envoy.config.core.v3.CidrRange
1 address_prefix string
2 prefix_len UInt32Value

message envoy.config.core.v3.DataSource
1 filename string
2 inline_bytes bytes
3 inline_string string
4 environment_variable string
5 watched_directory message - files are watched anyway

message envoy.config.core.v3.TransportSocket
1 name string - the type says it
3 typed_config any

message envoy.config.core.v3.TypedExtensionConfig
1 name string - the type says it
2 typed_config any

message envoy.config.core.v3.HeaderValueOption
1 header envoy.config.core.v3.HeaderValue
2 append BoolValue
3 append_action envoy.config.core.v3.HeaderValueOption.HeaderAppendAction
4 keep_empty_value bool

message envoy.config.core.v3.HeaderValue
1 key string
2 value string
3 raw_value bytes x

message envoy.config.core.v3.RuntimeFractionalPercent
1 default_value envoy.type.v3.FractionalPercent
2 runtime_key string - there are no runtime keys

message envoy.config.core.v3.SchemeHeaderTransformation
1 scheme_to_overwrite string x the scheme is that of the connection to the backend
2 match_upstream bool - always done

message envoy.config.core.v3.RuntimeFeatureFlag
1 default_value BoolValue
2 runtime_key string - there are no runtime keys

message envoy.config.core.v3.ConfigSource
1 path string
2 api_config_source envoy.config.core.v3.ApiConfigSource
3 ads envoy.config.core.v3.AggregatedConfigSource
4 initial_fetch_timeout duration
5 self envoy.config.core.v3.SelfConfigSource
6 resource_api_version int32 - only V3 is spoken
7 authorities message[] x
8 path_config_source envoy.config.core.v3.PathConfigSource

message envoy.config.core.v3.PathConfigSource
1 path string
2 watched_directory message - files are watched anyway
3 poll_interval duration - changes are told by the system

message envoy.config.core.v3.AggregatedConfigSource

message envoy.config.core.v3.SelfConfigSource
1 transport_api_version int32 - only V3 is spoken

message envoy.config.core.v3.ApiConfigSource
1 api_type envoy.config.core.v3.ApiConfigSource.ApiType
2 cluster_names string[] x
3 refresh_delay duration - not polled
4 grpc_services envoy.config.core.v3.GrpcService[]
5 request_timeout duration - streams have none
6 rate_limit_settings message - requests are few
7 set_node_on_first_message_only bool - always done
8 transport_api_version int32 - only V3 is spoken
9 config_validators envoy.config.core.v3.TypedExtensionConfig[] x

message envoy.config.core.v3.GrpcService
1 envoy_grpc envoy.config.core.v3.GrpcService.EnvoyGrpc
2 google_grpc message x
3 timeout duration
5 initial_metadata envoy.config.core.v3.HeaderValue[]
6 retry_policy message x

message envoy.config.core.v3.GrpcService.EnvoyGrpc
1 cluster_name string
2 authority string
3 retry_policy message x
4 max_receive_message_length UInt32Value - 64 MiB
5 skip_envoy_headers bool - none are sent

message envoy.type.v3.Percent
1 value double

message envoy.type.v3.FractionalPercent
1 numerator uint32
2 denominator envoy.type.v3.FractionalPercent.DenominatorType

message envoy.type.v3.Int64Range
1 start int64
2 end int64

message envoy.type.matcher.v3.StringMatcher
1 exact string
2 prefix string
3 suffix string
5 safe_regex envoy.type.matcher.v3.RegexMatcher
6 ignore_case bool
7 contains string
8 custom message x

message envoy.type.matcher.v3.RegexMatcher
1 google_re2 envoy.type.matcher.v3.RegexMatcher.GoogleRE2 - RE2's syntax is the only one
2 regex string

message envoy.type.matcher.v3.RegexMatcher.GoogleRE2
1 max_program_size UInt32Value - what an expression takes grows with its text

message envoy.type.matcher.v3.RegexMatchAndSubstitute
1 pattern envoy.type.matcher.v3.RegexMatcher
2 substitution string

enum envoy.config.core.v3.SocketAddress.Protocol
0 TCP
1 UDP

enum envoy.config.core.v3.HeaderValueOption.HeaderAppendAction
0 APPEND_IF_EXISTS_OR_ADD
1 ADD_IF_ABSENT
2 OVERWRITE_IF_EXISTS_OR_ADD
3 OVERWRITE_IF_EXISTS

enum envoy.config.core.v3.ApiConfigSource.ApiType
0 DEPRECATED_AND_UNAVAILABLE_DO_NOT_USE
1 REST
2 GRPC
3 DELTA_GRPC
5 AGGREGATED_GRPC
6 AGGREGATED_DELTA_GRPC

enum envoy.type.v3.FractionalPercent.DenominatorType
0 HUNDRED
1 TEN_THOUSAND
2 MILLION
`;
