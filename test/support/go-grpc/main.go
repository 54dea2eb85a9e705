// A server and a client of grpc-go for the service of grpc-service.ts, whose messages are bytes. Without arguments it serves,
// and its first line of output is its port. With an address, and perhaps the file of a CA, it makes calls of every kind there
// and tells the outcome of each in a line.
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// A codec that leaves messages as they are.
type plain struct{}

func (plain) Name() string                        { return "proto" }
func (plain) Marshal(message any) ([]byte, error) { return *message.(*[]byte), nil }
func (plain) Unmarshal(data []byte, message any) error {
	*message.(*[]byte) = bytes.Clone(data)
	return nil
}

const most = 64 << 20

func echoMetadata(stream grpc.ServerStream) {
	incoming, _ := metadata.FromIncomingContext(stream.Context())
	trailer := metadata.MD{}
	for name, values := range incoming {
		if strings.HasPrefix(name, "x-") {
			trailer[name] = values
		}
	}
	stream.SetTrailer(trailer)
}

func handle(_ any, stream grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(stream)
	var message []byte
	sum := 0
	for method == "/test.Echo/Client" || method == "/test.Echo/Bidi" {
		err := stream.RecvMsg(&message)
		if err == io.EOF {
			if method == "/test.Echo/Bidi" {
				return nil
			}
			message = []byte(strconv.Itoa(sum))
			return stream.SendMsg(&message)
		}
		if err != nil {
			return err
		}
		sum += len(message)
		if method == "/test.Echo/Bidi" {
			if err := stream.SendMsg(&message); err != nil {
				return err
			}
		}
	}
	if err := stream.RecvMsg(&message); err != nil {
		return err
	}
	switch method {
	case "/test.Echo/Unary":
		echoMetadata(stream)
		return stream.SendMsg(&message)
	case "/test.Echo/Server":
		count, _ := strconv.Atoi(string(message))
		for index := range count {
			next := []byte(strconv.Itoa(index))
			if err := stream.SendMsg(&next); err != nil {
				return err
			}
		}
		return nil
	case "/test.Echo/Never":
		deadline, _ := stream.Context().Deadline()
		fmt.Println("never", time.Until(deadline).Milliseconds())
		<-stream.Context().Done()
		fmt.Println("ended", stream.Context().Err())
		return stream.Context().Err()
	case "/test.Echo/Fails":
		return status.Error(codes.FailedPrecondition, "nicht möglich: ☃")
	}
	return status.Error(codes.Unimplemented, method)
}

func serve() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	server := grpc.NewServer(
		grpc.ForceServerCodec(plain{}), grpc.UnknownServiceHandler(handle), grpc.MaxRecvMsgSize(most))
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	server.Serve(listener)
}

func tell(what string, err error, about ...any) {
	fmt.Println(append([]any{what, status.Code(err)}, about...)...)
}

type caller struct{ *grpc.ClientConn }

func (c caller) unary(ctx context.Context, method string, message []byte, options ...grpc.CallOption) ([]byte, error) {
	var answer []byte
	err := c.Invoke(ctx, "/test.Echo/"+method, &message, &answer, options...)
	return answer, err
}

func (c caller) stream(method string) grpc.ClientStream {
	description := &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}
	stream, err := c.NewStream(context.Background(), description, "/test.Echo/"+method)
	if err != nil {
		panic(err)
	}
	return stream
}

func (c caller) manyAtOnce() {
	var all sync.WaitGroup
	var lock sync.Mutex
	good := 0
	for index := range 200 {
		all.Add(1)
		go func() {
			defer all.Done()
			sent := fmt.Sprint("call ", index)
			got, err := c.unary(context.Background(), "Unary", []byte(sent))
			lock.Lock()
			defer lock.Unlock()
			if err == nil && string(got) == sent {
				good++
			}
		}()
	}
	all.Wait()
	tell("unary", nil, good)
}

func (c caller) large() {
	var trailer metadata.MD
	ctx := metadata.AppendToOutgoingContext(context.Background(), "x-text", "told", "x-bytes-bin", string([]byte{0, 1, 255}))
	sent := bytes.Repeat([]byte("umay"), 4<<20)
	got, err := c.unary(ctx, "Unary", sent, grpc.Trailer(&trailer))
	tell("large", err, bytes.Equal(got, sent), trailer["x-text"], []byte(strings.Join(trailer["x-bytes-bin"], "")))
}

func (c caller) streams() {
	var message []byte
	down := c.stream("Server")
	count := []byte("500")
	down.SendMsg(&count)
	down.CloseSend()
	got := 0
	err := down.RecvMsg(&message)
	for ; err == nil; err = down.RecvMsg(&message) {
		got++
	}
	tell("server", nil, got, err)

	up := c.stream("Client")
	part := make([]byte, 20_000)
	for range 100 {
		up.SendMsg(&part)
	}
	up.CloseSend()
	err = up.RecvMsg(&message)
	tell("client", err, string(message))

	both := c.stream("Bidi")
	good := 0
	for index := range 50 {
		next := fmt.Appendf(nil, "message %d", index)
		both.SendMsg(&next)
		if both.RecvMsg(&message) == nil && bytes.Equal(message, next) {
			good++
		}
	}
	both.CloseSend()
	tell("bidi", nil, good, both.RecvMsg(&message))
}

func call(address, ca string) {
	secured := insecure.NewCredentials()
	if ca != "" {
		var err error
		if secured, err = credentials.NewClientTLSFromFile(ca, "localhost"); err != nil {
			panic(err)
		}
	}
	connection, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(secured),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(plain{}), grpc.MaxCallRecvMsgSize(most)))
	if err != nil {
		panic(err)
	}
	c := caller{connection}
	c.manyAtOnce()
	c.large()
	c.streams()
	_, err = c.unary(context.Background(), "Fails", nil)
	tell("fails", err, status.Convert(err).Message())
	soon, stop := context.WithTimeout(context.Background(), 300*time.Millisecond)
	_, err = c.unary(soon, "Never", nil)
	stop()
	tell("deadline", err)
	cancelled, cancel := context.WithCancel(context.Background())
	time.AfterFunc(100*time.Millisecond, cancel)
	_, err = c.unary(cancelled, "Never", nil)
	tell("cancel", err)
}

func main() {
	switch len(os.Args) {
	case 1:
		serve()
	case 2:
		call(os.Args[1], "")
	default:
		call(os.Args[1], os.Args[2])
	}
}
