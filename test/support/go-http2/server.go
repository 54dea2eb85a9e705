// A server of Go's net/http that speaks HTTP/2 alone, by prior knowledge or over TLS. Its first line of output is its port.
// Each "again" on standard input has it shut down as a rollout would, beside a new server on the same port.
package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// contentOf makes the bytes that /bytes/N and /stream/N answer with.
func contentOf(length int) []byte {
	content := make([]byte, length)
	for at := range content {
		content[at] = byte(97 + ((at*31 + (at >> 8)) % 26))
	}
	return content
}

func digest(w http.ResponseWriter, r *http.Request) {
	hash := sha256.New()
	length, err := io.Copy(hash, r.Body)
	if err != nil {
		return
	}
	fmt.Fprintf(w, "%s %d %x", r.Method, length, hash.Sum(nil))
}

func answer(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(r.URL.Path, "/")
	size := 0
	if len(parts) > 2 {
		size, _ = strconv.Atoi(parts[2])
	}
	switch parts[1] {
	case "bytes":
		w.Header().Set("Content-Length", strconv.Itoa(size))
		w.Write(contentOf(size))
	case "stream":
		w.Write(contentOf(size))
	case "gzip":
		w.Header().Set("Content-Encoding", "gzip")
		zipped := gzip.NewWriter(w)
		zipped.Write(contentOf(100_000))
		zipped.Close()
	case "trailers":
		w.Header().Set("Trailer", "X-Length")
		length, _ := io.Copy(w, r.Body)
		w.Header().Set("X-Length", fmt.Sprint(length, " ", r.Trailer.Get("X-Sent")))
	case "slow":
		time.Sleep(time.Duration(size) * time.Millisecond)
		digest(w, r)
	default:
		digest(w, r)
	}
}

// With SO_REUSEPORT, for the next one listens before the last one has ended.
var reusing = net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
	return raw.Control(func(fd uintptr) { syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, 15, 1) })
}}

func serve(address string) (*http.Server, net.Addr) {
	listener, err := reusing.Listen(context.Background(), "tcp", address)
	if err != nil {
		panic(err)
	}
	protocols := new(http.Protocols)
	server := &http.Server{Handler: http.HandlerFunc(answer), Protocols: protocols}
	if len(os.Args) < 3 {
		protocols.SetUnencryptedHTTP2(true)
		go server.Serve(listener)
	} else {
		protocols.SetHTTP2(true)
		server.TLSConfig = &tls.Config{}
		go server.ServeTLS(listener, os.Args[1], os.Args[2])
	}
	return server, listener.Addr()
}

func main() {
	server, address := serve("127.0.0.1:0")
	fmt.Println(address.(*net.TCPAddr).Port)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		next, _ := serve(address.String())
		server.Shutdown(context.Background())
		server = next
		fmt.Println("again")
	}
}
