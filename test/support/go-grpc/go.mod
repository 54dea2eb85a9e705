module umay.test/grpc

go 1.23

require google.golang.org/grpc v1.70.0
