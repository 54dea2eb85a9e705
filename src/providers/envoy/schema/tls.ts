/** TLS on both sides. See {@link readTable} for the form. */
export const tlsTable = `
message envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
1 common_tls_context envoy.extensions.transport_sockets.tls.v3.CommonTlsContext
2 require_client_certificate BoolValue
3 require_sni BoolValue x
4 session_ticket_keys envoy.extensions.transport_sockets.tls.v3.TlsSessionTicketKeys
5 session_ticket_keys_sds_secret_config envoy.extensions.transport_sockets.tls.v3.SdsSecretConfig x
6 session_timeout duration - tickets live a day
7 disable_stateless_session_resumption bool
8 ocsp_staple_policy int32 - nothing is stapled
9 full_scan_certs_on_sni_mismatch BoolValue - the first certificate is the default
10 disable_stateful_session_resumption bool - sessions are kept by tickets alone
11 prefer_client_ciphers bool - OpenSSL's

message envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
1 common_tls_context envoy.extensions.transport_sockets.tls.v3.CommonTlsContext
2 sni string
3 allow_renegotiation bool ! nothing is renegotiated
4 max_session_keys UInt32Value - umay's own
5 enforce_rsa_key_usage BoolValue - OpenSSL's
6 auto_host_sni bool - always done where sni is empty
7 auto_sni_san_validation bool

message envoy.extensions.transport_sockets.tls.v3.CommonTlsContext
1 tls_params envoy.extensions.transport_sockets.tls.v3.TlsParameters
2 tls_certificates envoy.extensions.transport_sockets.tls.v3.TlsCertificate[]
3 validation_context envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext
4 alpn_protocols string[]
6 tls_certificate_sds_secret_configs envoy.extensions.transport_sockets.tls.v3.SdsSecretConfig[]
7 validation_context_sds_secret_config envoy.extensions.transport_sockets.tls.v3.SdsSecretConfig
8 combined_validation_context envoy.extensions.transport_sockets.tls.v3.CommonTlsContext.CombinedCertificateValidationContext
9 tls_certificate_certificate_provider message x
10 validation_context_certificate_provider message x
11 tls_certificate_certificate_provider_instance message x
12 validation_context_certificate_provider_instance message x
13 custom_handshaker envoy.config.core.v3.TypedExtensionConfig x
14 tls_certificate_provider_instance message x
15 key_log message x
16 custom_tls_certificate_selector envoy.config.core.v3.TypedExtensionConfig x

message envoy.extensions.transport_sockets.tls.v3.CommonTlsContext.CombinedCertificateValidationContext
1 default_validation_context envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext
2 validation_context_sds_secret_config envoy.extensions.transport_sockets.tls.v3.SdsSecretConfig
3 validation_context_certificate_provider message x
4 validation_context_certificate_provider_instance message x

message envoy.extensions.transport_sockets.tls.v3.TlsParameters
1 tls_minimum_protocol_version envoy.extensions.transport_sockets.tls.v3.TlsParameters.TlsProtocol
2 tls_maximum_protocol_version envoy.extensions.transport_sockets.tls.v3.TlsParameters.TlsProtocol
3 cipher_suites string[]
4 ecdh_curves string[]
5 signature_algorithms string[] ! OpenSSL's count
6 compliance_policies int32[] x

message envoy.extensions.transport_sockets.tls.v3.TlsCertificate
1 certificate_chain envoy.config.core.v3.DataSource
2 private_key envoy.config.core.v3.DataSource
3 password envoy.config.core.v3.DataSource x
4 ocsp_staple envoy.config.core.v3.DataSource x
5 signed_certificate_timestamp envoy.config.core.v3.DataSource[] x
6 private_key_provider message x
7 watched_directory message - files are watched anyway
8 pkcs12 envoy.config.core.v3.DataSource x
9 tls_params envoy.extensions.transport_sockets.tls.v3.TlsParameters x use those of common_tls_context

message envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext
1 trusted_ca envoy.config.core.v3.DataSource
2 verify_certificate_hash string[] x
3 verify_certificate_spki string[]
6 require_signed_certificate_timestamp BoolValue x
7 crl envoy.config.core.v3.DataSource
8 allow_expired_certificate bool x
9 match_subject_alt_names envoy.type.matcher.v3.StringMatcher[]
10 trust_chain_verification envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext.TrustChainVerification
11 watched_directory message - files are watched anyway
12 custom_validator_config envoy.config.core.v3.TypedExtensionConfig x
13 ca_certificate_provider_instance message x
14 only_verify_leaf_cert_crl bool x
15 match_typed_subject_alt_names envoy.extensions.transport_sockets.tls.v3.SubjectAltNameMatcher[]
16 max_verify_depth UInt32Value x
17 system_root_certs message x
18 suppress_client_ca_list bool ! clients are told the names of the CAs

message envoy.extensions.transport_sockets.tls.v3.SubjectAltNameMatcher
1 san_type envoy.extensions.transport_sockets.tls.v3.SubjectAltNameMatcher.SanType
2 matcher envoy.type.matcher.v3.StringMatcher
3 oid string x

message envoy.extensions.transport_sockets.tls.v3.SdsSecretConfig
1 name string
2 sds_config envoy.config.core.v3.ConfigSource

message envoy.extensions.transport_sockets.tls.v3.Secret
1 name string
2 tls_certificate envoy.extensions.transport_sockets.tls.v3.TlsCertificate
3 session_ticket_keys envoy.extensions.transport_sockets.tls.v3.TlsSessionTicketKeys
4 validation_context envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext
5 generic_secret message x

message envoy.extensions.transport_sockets.tls.v3.TlsSessionTicketKeys
1 keys envoy.config.core.v3.DataSource[]

enum envoy.extensions.transport_sockets.tls.v3.TlsParameters.TlsProtocol
0 TLS_AUTO
1 TLSv1_0
2 TLSv1_1
3 TLSv1_2
4 TLSv1_3

enum envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext.TrustChainVerification
0 VERIFY_TRUST_CHAIN
1 ACCEPT_UNTRUSTED

enum envoy.extensions.transport_sockets.tls.v3.SubjectAltNameMatcher.SanType
0 SAN_TYPE_UNSPECIFIED
1 EMAIL
2 DNS
3 URI
4 IP_ADDRESS
5 OTHER_NAME
`;
