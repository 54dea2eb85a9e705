package main

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

var transport = &http.Transport{MaxIdleConnsPerHost: 1, ExpectContinueTimeout: 30 * time.Second}
var client = &http.Client{Transport: transport}
var base = "http://" + os.Args[1]
var major = 1

// With an authority to trust, over TLS and HTTP/2.
func trust(file string) {
	pem, err := os.ReadFile(file)
	if err != nil {
		panic(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	transport.TLSClientConfig = &tls.Config{RootCAs: roots}
	transport.ForceAttemptHTTP2 = true
	base = "https://" + os.Args[1]
	major = 2
}

func ask(method, path string, body io.Reader, length int64, expect bool) (*http.Response, []byte) {
	request, err := http.NewRequest(method, base+path, body)
	if err != nil {
		panic(err)
	}
	request.ContentLength = length
	if expect {
		request.Header.Set("Expect", "100-continue")
	}
	response, err := client.Do(request)
	if err != nil {
		panic(err)
	}
	if response.ProtoMajor != major {
		panic(response.Proto)
	}
	content, err := io.ReadAll(response.Body)
	if err != nil {
		panic(err)
	}
	response.Body.Close()
	return response, content
}

func sha(content []byte) string { return fmt.Sprintf("%x", sha256.Sum256(content)) }

func main() {
	if len(os.Args) > 3 {
		trust(os.Args[3])
	}
	content, err := os.ReadFile(os.Args[2])
	if err != nil {
		panic(err)
	}
	small := content[:1000]
	response, body := ask("GET", "/bytes/1000", nil, 0, false)
	fmt.Println("get", response.StatusCode, sha(body))
	response, body = ask("HEAD", "/bytes/1000", nil, 0, false)
	fmt.Println("head", response.StatusCode, response.Header.Get("Content-Length"), len(body))
	response, body = ask("POST", "/digest", bytes.NewReader(small), 1000, false)
	fmt.Println("post", response.StatusCode, string(body))
	response, body = ask("POST", "/digest", io.MultiReader(bytes.NewReader(small)), -1, false)
	fmt.Println("chunked", response.StatusCode, string(body))
	response, body = ask("POST", "/digest", bytes.NewReader(content), int64(len(content)), false)
	fmt.Println("up", response.StatusCode, string(body))
	response, body = ask("GET", fmt.Sprintf("/stream/%d", len(content)), nil, 0, false)
	fmt.Println("down", response.StatusCode, sha(body))
	response, body = ask("GET", "/gzip", nil, 0, false)
	fmt.Println("gzip", response.StatusCode, sha(body))
	response, body = ask("POST", "/digest", bytes.NewReader(small), 1000, true)
	fmt.Println("continue", response.StatusCode, string(body))
}
