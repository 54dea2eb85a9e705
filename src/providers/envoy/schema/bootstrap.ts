/** The file that Envoy is started with. See {@link readTable} for the form. */
export const bootstrapTable = `
message envoy.config.bootstrap.v3.Bootstrap
1 node envoy.config.core.v3.Node
2 static_resources envoy.config.bootstrap.v3.Bootstrap.StaticResources
3 dynamic_resources envoy.config.bootstrap.v3.Bootstrap.DynamicResources
4 cluster_manager envoy.config.bootstrap.v3.ClusterManager
5 flags_path string - Envoy's own
6 stats_sinks message[] ! statistics are not sent; scrape /metrics
7 stats_flush_interval duration - statistics are read, not sent
8 watchdog message - umay watches its own threads
9 tracing message ! connection managers say where traces go
12 admin envoy.config.bootstrap.v3.Admin
13 stats_config message - names of statistics are umay's
14 hds_config envoy.config.core.v3.ApiConfigSource x
15 overload_manager message ! umay's own limits count
16 enable_dispatcher_stats bool - Envoy's own
17 layered_runtime message ! there are no runtime keys; defaults count
18 header_prefix string x
19 stats_server_version_override UInt64Value - Envoy's own
20 use_tcp_for_dns_lookups bool - umay falls back to TCP by itself
21 bootstrap_extensions envoy.config.core.v3.TypedExtensionConfig[] ! extensions of Envoy are not loaded
22 config_sources envoy.config.core.v3.ConfigSource[] x
23 default_config_source envoy.config.core.v3.ConfigSource x
24 default_socket_interface string - Envoy's own
25 certificate_provider_instances envoy.config.core.v3.TypedExtensionConfig{} x
26 node_context_params string[] - not sent
27 watchdogs message - umay watches its own threads
28 fatal_actions message[] x
29 stats_flush_on_admin bool - statistics are read, not sent
30 dns_resolution_config message - the system's nameservers are asked
31 typed_dns_resolver_config envoy.config.core.v3.TypedExtensionConfig - the system's nameservers are asked
32 inline_headers message[] x
33 perf_tracing_file_path string - Envoy's own
34 default_regex_engine envoy.config.core.v3.TypedExtensionConfig - regular expressions are RE2's
35 xds_delegate_extension envoy.config.core.v3.TypedExtensionConfig x
36 xds_config_tracker_extension envoy.config.core.v3.TypedExtensionConfig - Envoy's own
37 listener_manager envoy.config.core.v3.TypedExtensionConfig - Envoy's own
38 application_log_config message - umay's log is its own
39 deferred_stat_options message - Envoy's own
40 grpc_async_client_manager_config message - Envoy's own
41 memory_allocator_manager message - Envoy's own
42 stats_eviction_interval duration - Envoy's own
43 enable_worker_cpu_affinity bool - the system places threads

message envoy.config.bootstrap.v3.ClusterManager
1 local_cluster_name string
2 outlier_detection message - the log has ejections
3 upstream_bind_config envoy.config.core.v3.BindConfig
4 load_stats_config envoy.config.core.v3.ApiConfigSource ! loads are not reported
5 enable_deferred_cluster_creation bool - Envoy's own

message envoy.config.bootstrap.v3.Bootstrap.StaticResources
1 listeners envoy.config.listener.v3.Listener[]
2 clusters envoy.config.cluster.v3.Cluster[]
3 secrets envoy.extensions.transport_sockets.tls.v3.Secret[]

message envoy.config.bootstrap.v3.Bootstrap.DynamicResources
1 lds_config envoy.config.core.v3.ConfigSource
2 cds_config envoy.config.core.v3.ConfigSource
3 ads_config envoy.config.core.v3.ApiConfigSource
5 lds_resources_locator string x
6 cds_resources_locator string x

message envoy.config.bootstrap.v3.Admin
1 access_log_path string - the admin server logs by itself
2 profile_path string - Envoy's own
3 address envoy.config.core.v3.Address
4 socket_options message[] - umay sets its own
5 access_log envoy.config.accesslog.v3.AccessLog[] - the admin server logs by itself
6 ignore_global_conn_limit bool - not counted there
7 allow_paths envoy.type.matcher.v3.StringMatcher[] x
`;
