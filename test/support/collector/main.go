// The receiver of the OpenTelemetry Collector, with nothing behind it but standard output: a line for each request that it
// took, with all that it understood, in the collector's own JSON. The argument is the address that it listens on.
package main

import (
	"context"
	"os"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
)

func main() {
	factory := otlpreceiver.NewFactory()
	config := factory.CreateDefaultConfig()
	protocols := map[string]any{"http": map[string]any{"endpoint": os.Args[1]}}
	must(confmap.NewFromStringMap(map[string]any{"protocols": protocols}).Unmarshal(config))
	settings := receiver.Settings{
		ID:                component.NewID(factory.Type()),
		TelemetrySettings: componenttest.NewNopTelemetrySettings(),
	}
	traces, err := consumer.NewTraces(func(_ context.Context, traces ptrace.Traces) error {
		return tell((&ptrace.JSONMarshaler{}).MarshalTraces(traces))
	})
	must(err)
	metrics, err := consumer.NewMetrics(func(_ context.Context, metrics pmetric.Metrics) error {
		return tell((&pmetric.JSONMarshaler{}).MarshalMetrics(metrics))
	})
	must(err)
	ctx := context.Background()
	host := componenttest.NewNopHost()
	ofTraces, err := factory.CreateTraces(ctx, settings, config, traces)
	must(err)
	// The same receiver: it serves the paths that are known when it starts.
	ofMetrics, err := factory.CreateMetrics(ctx, settings, config, metrics)
	must(err)
	must(ofTraces.Start(ctx, host))
	must(ofMetrics.Start(ctx, host))
	must(tell([]byte(`{"listening":true}`), nil))
	select {}
}

func tell(line []byte, err error) error {
	if err == nil {
		_, err = os.Stdout.Write(append(line, '\n'))
	}
	return err
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
