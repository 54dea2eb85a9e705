/** Extensions that many configurations name and that umay does not have, with what to use instead. */
export const extensions: Readonly<Record<string, string>> = {
  "envoy.extensions.filters.http.lua.v3.Lua": "umay runs no scripts",
  "envoy.extensions.filters.http.wasm.v3.Wasm": "umay runs no WebAssembly",
  "envoy.extensions.filters.http.golang.v3alpha.Config": "umay runs no plug-ins",
  "envoy.extensions.filters.http.basic_auth.v3.BasicAuth":
    'its SHA-1 keeps no password safe; ext_authz asks a server, and in TOML [auth.<name>] with type = "basic" takes bcrypt',
  "envoy.extensions.filters.http.api_key_auth.v3.ApiKeyAuth": "ext_authz asks a server that knows the keys",
  "envoy.extensions.filters.http.oauth2.v3.OAuth2": "ext_authz asks a server that logs people in",
  "envoy.extensions.filters.http.ratelimit.v3.RateLimit":
    "umay asks no rate limit service; descriptors of local_ratelimit count here, and in TOML machines share a rate by store",
  "envoy.extensions.filters.http.adaptive_concurrency.v3.AdaptiveConcurrency":
    "max_requests of circuit_breakers bounds what is under way",
  "envoy.extensions.filters.http.bandwidth_limit.v3.BandwidthLimit": "umay slows no bodies down",
  "envoy.extensions.filters.http.cache.v3.CacheConfig": "umay keeps no answers",
  "envoy.extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig":
    "umay connects no hosts that clients name; a cluster of type ORIGINAL_DST takes addresses from a field",
  "envoy.extensions.filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder":
    "umay passes gRPC on, and translates nothing to it",
  "envoy.extensions.filters.http.grpc_web.v3.GrpcWeb": "umay passes gRPC on, and translates nothing to it",
  "envoy.extensions.filters.network.redis_proxy.v3.RedisProxy": "umay relays Redis with tcp_proxy",
  "envoy.extensions.filters.network.mongo_proxy.v3.MongoProxy": "umay relays MongoDB with tcp_proxy",
  "envoy.extensions.filters.network.mysql_proxy.v3.MySQLProxy": "umay relays MySQL with tcp_proxy",
  "envoy.extensions.filters.network.kafka_broker.v3.KafkaBroker": "umay relays Kafka with tcp_proxy",
  "envoy.extensions.filters.udp.udp_proxy.v3.UdpProxyConfig": "umay relays no UDP",
  "envoy.extensions.transport_sockets.quic.v3.QuicDownstreamTransport": "umay speaks no QUIC",
  "envoy.extensions.filters.listener.original_dst.v3.OriginalDst": "umay does not read original destinations",
};
