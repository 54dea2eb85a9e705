package conformance

import (
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/gateway-api/conformance"
)

// JSON for every kind: the stand-in of an API server speaks nothing else.
func TestConformance(t *testing.T) {
	options := conformance.DefaultOptions(t)
	options.RestConfig.ContentType = "application/json"
	options.RestConfig.AcceptContentTypes = "application/json"
	spoken, err := client.New(options.RestConfig, client.Options{Scheme: options.Client.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	options.Client = spoken
	conformance.RunConformanceWithOptions(t, options)
}
