package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"time"

	"cloud.google.com/go/compute/metadata"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
)

// The variables that Cloud Run sets in the instances of a worker pool.
const (
	workerPoolName     = "CLOUD_RUN_WORKER_POOL"
	workerPoolRevision = "CLOUD_RUN_REVISION"
)

// workerPool tells that this runs in a worker pool of Cloud Run. OpenTelemetry's own detector (v1.47) knows the variables,
// and makes nothing of them but the provider and the project. The names are those that it gives to Cloud Run's services.
type workerPool struct{}

// metadataLimit bounds what the metadata server may take; it answers within milliseconds.
const metadataLimit = 5 * time.Second

// Detect implements [resource.Detector].
func (workerPool) Detect(ctx context.Context) (*resource.Resource, error) {
	ctx, cancel := context.WithTimeout(ctx, metadataLimit)
	defer cancel()
	attributes := []attribute.KeyValue{
		attribute.String("cloud.provider", "gcp"),
		attribute.String("cloud.platform", "gcp_cloud_run"),
		attribute.String("faas.name", os.Getenv(workerPoolName)),
		attribute.String("faas.version", os.Getenv(workerPoolRevision)),
	}
	var errs []error
	server := metadata.NewClient(nil)
	for key, what := range map[string]string{
		"cloud.account.id": "project/project-id", "cloud.region": "instance/region", "faas.instance": "instance/id",
	} {
		text, err := server.GetWithContext(ctx, what)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		attributes = append(attributes, attribute.String(key, path.Base(text))) // the region is projects/NUMBER/regions/NAME
	}
	var partial error
	if len(errs) > 0 {
		partial = fmt.Errorf("%w: %w", resource.ErrPartialResource, errors.Join(errs...))
	}
	return resource.NewSchemaless(attributes...), partial
}
